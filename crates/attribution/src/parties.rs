//! Whose device is this? Brand, maker, design house, chip maker and region, from the properties of every partition, who signs
//! the platform, and who signs updates of the whole system.
//!
//! What a property says is evidence and no proof: it is text that somebody wrote. Defaults of build trees name nobody
//! (`nobody` in the knowledge files); a key that everybody has vouches for nothing.

use std::collections::BTreeMap;

use findings::{Evidence, Party};
use knowledge::{Knowledge, Organisation, PartyRole, PartyRule, matches_pattern};

/// Shortest alias that may stand at the beginning of a longer name: `acmetek` for `acmetekSW2`.
const PREFIX_ALIAS_BYTES_MIN: usize = 4;
/// What a signer's own name proves: whoever makes a key writes what they like.
const SUBJECT_WEIGHT_PERCENT: u8 = 60;
/// What a certificate proves that is documented as somebody's.
const CERTIFICATE_WEIGHT_PERCENT: u8 = 90;

/// A certificate that signs the platform, or updates of the whole system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// Its subject, as text: `CN=..., O=...`.
    pub subject: String,
}

/// Who has to do with the device, by role, surest first. `properties` are those of every file, in the order of loading; `signers`
/// sign the platform, `update_signers` updates of the whole system.
#[must_use]
pub fn parties<'p>(
    properties: impl Iterator<Item = (&'p str, &'p str)>,
    signers: &[Signer],
    update_signers: &[Signer],
    knowledge: &Knowledge,
) -> Vec<Party> {
    let mut found: BTreeMap<(PartyRole, String), Found> = BTreeMap::new();
    let names = Names::new(knowledge);
    let properties: Vec<(&str, &str)> = properties.collect();
    for &(key, value) in &properties {
        for rule in &knowledge.party_rules {
            if matches_pattern(&rule.property, key) && matches_pattern(&rule.value, value) {
                if names.is_of_another(rule, value, &properties) {
                    continue;
                }
                names.read(rule, key, value, &mut found);
            }
        }
    }
    for signer in signers {
        names.signer(signer, &mut found);
    }
    for signer in update_signers {
        names.update_signer(signer, &mut found);
    }
    let mut parties: Vec<(PartyRole, Party)> =
        found.into_iter().map(|((role, _), found)| (role, found.party(role))).collect();
    parties.sort_by(|(role_a, a), (role_b, b)| {
        role_a.cmp(role_b).then(b.confidence_percent.cmp(&a.confidence_percent)).then_with(|| a.name.cmp(&b.name))
    });
    parties.into_iter().map(|(_, party)| party).collect()
}

/// One party as it is put together.
struct Found {
    organisation: Option<String>,
    name: String,
    /// By what was read: the same said twice counts once.
    evidence: BTreeMap<String, Evidence>,
}

impl Found {
    fn party(self, role: PartyRole) -> Party {
        let doubt = self
            .evidence
            .values()
            .fold(1_000_000_u64, |doubt, piece| doubt * u64::from(100 - piece.weight_percent.min(100)) / 100);
        // At most a million parts of a million.
        let percent = u8::try_from((1_000_000 - doubt) / 10_000).unwrap_or(99).min(99);
        Party {
            role: role.name().to_owned(),
            organisation: self.organisation,
            name: self.name,
            confidence_percent: percent,
            evidence: self.evidence.into_values().collect(),
        }
    }
}

/// Names of organisations, without capitals, blanks and punctuation.
struct Names<'k> {
    knowledge: &'k Knowledge,
    by_name: BTreeMap<String, &'k Organisation>,
}

impl<'k> Names<'k> {
    fn new(knowledge: &'k Knowledge) -> Self {
        let mut by_name = BTreeMap::new();
        for organisation in &knowledge.organisations {
            for name in organisation.aliases.iter().chain([&organisation.name]) {
                by_name.entry(plain(name)).or_insert(organisation);
            }
        }
        Self { knowledge, by_name }
    }

    fn read(&self, rule: &PartyRule, key: &str, value: &str, found: &mut BTreeMap<(PartyRole, String), Found>) {
        let fixed = rule.organisation.as_ref();
        let organisation = fixed.and_then(|id| self.knowledge.organisations.iter().find(|known| known.id == *id));
        let (organisation, name) = match organisation {
            Some(organisation) => (Some(organisation), organisation.name.clone()),
            None => {
                let Some(name) = rule.reading.read(value) else { return };
                if self.is_nobody(name) || self.is_nobody(value) {
                    return;
                }
                match self.organisation(name) {
                    Some(organisation) if rule.known && !is_of_kind(organisation, rule.role) => return,
                    Some(organisation) => (Some(organisation), organisation.name.clone()),
                    None if rule.known => return,
                    None => (None, name.to_owned()),
                }
            }
        };
        let evidence = Evidence {
            kind: "property".to_owned(),
            value: format!("{key}={value}"),
            weight_percent: rule.weight_percent,
            reference: rule.reference.clone(),
        };
        // The same rule read from many partitions is one piece of evidence.
        let about = format!("{} {}", rule.property, rule.value);
        add(found, rule.role, organisation, name, about, evidence);
    }

    fn signer(&self, signer: &Signer, found: &mut BTreeMap<(PartyRole, String), Found>) {
        let piece = |value: String, weight_percent, reference: &str| Evidence {
            kind: "certificate".to_owned(),
            value,
            weight_percent,
            reference: reference.to_owned(),
        };
        let role = PartyRole::PlatformSigner;
        let digest = &signer.sha256;
        if let Some(known) = self.knowledge.known_certificates.get(digest) {
            let evidence = piece(digest.clone(), CERTIFICATE_WEIGHT_PERCENT, &known.reference);
            return add(found, role, None, known.name.clone(), digest.clone(), evidence);
        }
        if let Some(owner) = self.knowledge.organisations.iter().find(|known| known.certificates.contains(digest)) {
            let reference = owner.references.first().map_or("", String::as_str);
            let evidence = piece(digest.clone(), CERTIFICATE_WEIGHT_PERCENT, reference);
            return add(found, role, Some(owner), owner.name.clone(), digest.clone(), evidence);
        }
        let named = ["O", "CN"].iter().find_map(|field| {
            let name = subject_field(&signer.subject, field)?;
            (!self.is_nobody(name)).then_some(name)
        });
        let Some(name) = named else { return };
        let organisation = self.organisation(name);
        let shown = organisation.map_or_else(|| name.to_owned(), |known| known.name.clone());
        let evidence = piece(
            format!("{digest}, which calls itself {}", signer.subject),
            SUBJECT_WEIGHT_PERCENT,
            "subject of the certificate that signs the platform",
        );
        add(found, role, organisation, shown, digest.clone(), evidence);
    }

    /// Whoever builds the firmware signs its updates, whatever the name on the device is. A key that everybody has says nothing.
    fn update_signer(&self, signer: &Signer, found: &mut BTreeMap<(PartyRole, String), Found>) {
        if self.knowledge.known_certificates.contains_key(&signer.sha256) {
            return;
        }
        let by_name = subject_field(&signer.subject, "O").filter(|name| !self.is_nobody(name));
        // The person's address is at the company that the person works for, whatever stands for the company.
        let by_mail = subject_field(&signer.subject, "EMAILADDRESS").and_then(mail_company);
        let by_mail = by_mail.filter(|name| !self.is_nobody(name)).and_then(|name| self.organisation(name));
        let organisation = by_name.and_then(|name| self.organisation(name)).or(by_mail);
        let Some(shown) = organisation.map(|known| known.name.as_str()).or(by_name) else { return };
        let evidence = Evidence {
            kind: "certificate".to_owned(),
            value: format!("{}, which calls itself {}", signer.sha256, signer.subject),
            weight_percent: SUBJECT_WEIGHT_PERCENT,
            reference: "subject of a certificate that signs updates of the whole system".to_owned(),
        };
        add(found, PartyRole::DesignHouse, organisation, shown.to_owned(), signer.sha256.clone(), evidence);
    }

    /// Whether a value is that of a property which names something else, and no organisation has such a name.
    fn is_of_another(&self, rule: &PartyRule, value: &str, properties: &[(&str, &str)]) -> bool {
        if rule.unless_in.is_empty() || self.organisation(value).is_some() {
            return false;
        }
        let names_other = |key: &str| rule.unless_in.iter().any(|pattern| matches_pattern(pattern, key));
        properties.iter().any(|(key, other)| names_other(key) && plain(other) == plain(value))
    }

    fn is_nobody(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.knowledge.nobody.iter().any(|pattern| matches_pattern(pattern, &name))
    }

    /// The organisation of a name: by all of it, or by the longest alias it begins with.
    fn organisation(&self, name: &str) -> Option<&'k Organisation> {
        let name = plain(name);
        if let Some(known) = self.by_name.get(&name) {
            return Some(known);
        }
        let begins = |alias: &&String| alias.len() >= PREFIX_ALIAS_BYTES_MIN && name.starts_with(alias.as_str());
        let longest = self.by_name.keys().filter(begins).max_by_key(|alias| alias.len())?;
        self.by_name.get(longest).copied()
    }
}

fn is_of_kind(organisation: &Organisation, role: PartyRole) -> bool {
    role.kind().is_none_or(|kind| organisation.kinds.contains(&kind))
}

fn add(
    found: &mut BTreeMap<(PartyRole, String), Found>,
    role: PartyRole,
    organisation: Option<&Organisation>,
    name: String,
    about: String,
    evidence: Evidence,
) {
    let key = organisation.map_or_else(|| plain(&name), |known| format!("organisation {}", known.id));
    let entry = found.entry((role, key)).or_insert_with(|| Found {
        organisation: organisation.map(|known| known.id.clone()),
        name,
        evidence: BTreeMap::new(),
    });
    entry.evidence.entry(about).or_insert(evidence);
}

/// A field of a subject as certificates are shown: `CN=..., O=...`.
fn subject_field<'s>(subject: &'s str, field: &str) -> Option<&'s str> {
    let parts = subject.split(',').map(str::trim);
    let value = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| *name == field)?.1.trim();
    (!value.is_empty()).then_some(value)
}

/// `acme` of `somebody@mail.acme.example`: what stands before the last part of the domain.
fn mail_company(address: &str) -> Option<&str> {
    let (_, domain) = address.split_once('@')?;
    domain.rsplit('.').nth(1)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may fail")]

    use super::*;

    const KNOWN: &str = r#"
        reference = "RFC 2606"
        nobody = ["unknown", "mtk_*"]
        [[organisation]]
        id = "acme"
        name = "Acme Devices"
        aliases = ["acme", "acmetek"]
        kinds = ["design_house"]
        [[organisation]]
        id = "chips"
        name = "Chips"
        kinds = ["chip_maker"]
        [[organisation]]
        id = "shop"
        name = "Shop"
        kinds = ["brand"]
        [[party_rule]]
        property = ["ro.product.brand", "ro.product.*.brand"]
        role = "brand"
        unless_in = ["ro.product.model"]
        weight_percent = 80
        [[party_rule]]
        property = "ro.build.display.id"
        role = "brand"
        read = "letters"
        known = true
        weight_percent = 45
        [[party_rule]]
        property = "ro.update.oem"
        role = "design_house"
        read = "letters"
        weight_percent = 70
        [[party_rule]]
        property = "ro.board.platform"
        value = "ch*"
        role = "chip_maker"
        organisation = "chips"
        weight_percent = 85
    "#;

    fn read(properties: &[(&str, &str)], signers: &[Signer]) -> Vec<(String, String, u8)> {
        read_all(properties, signers, &[])
    }

    fn read_all(
        properties: &[(&str, &str)],
        signers: &[Signer],
        update_signers: &[Signer],
    ) -> Vec<(String, String, u8)> {
        let knowledge = Knowledge::from_files(&[("k.toml", KNOWN)]).unwrap();
        let parties = parties(properties.iter().copied(), signers, update_signers, &knowledge);
        parties.into_iter().map(|party| (party.role, party.name, party.confidence_percent)).collect()
    }

    fn row(role: &str, name: &str, percent: u8) -> (String, String, u8) {
        (role.to_owned(), name.to_owned(), percent)
    }

    #[test]
    fn names_are_found_by_alias_and_by_the_beginning_of_longer_ones() {
        let properties =
            [("ro.product.brand", "Shop"), ("ro.update.oem", "acmetekSW2_6592_5.1"), ("ro.board.platform", "ch1234")];
        let expected =
            [row("brand", "Shop", 80), row("design_house", "Acme Devices", 70), row("chip_maker", "Chips", 85)];
        assert_eq!(read(&properties, &[]), expected);
    }

    #[test]
    fn defaults_name_nobody() {
        assert!(read(&[("ro.update.oem", "MTK_KK"), ("ro.product.brand", "unknown")], &[]).is_empty());
    }

    #[test]
    fn one_rule_read_in_many_partitions_is_one_piece_of_evidence() {
        let properties = [("ro.product.vendor.brand", "Shop"), ("ro.product.odm.brand", "shop")];
        assert_eq!(read(&properties, &[]), [row("brand", "Shop", 80)]);
    }

    #[test]
    fn a_brand_that_is_spelled_like_the_model_is_the_model_unless_somebody_has_that_name() {
        assert!(read(&[("ro.product.brand", "F3_Pro"), ("ro.product.model", "f3 pro")], &[]).is_empty());
        assert_eq!(read(&[("ro.product.model", "U2"), ("ro.product.brand", "New")], &[]), [row("brand", "New", 80)]);
        let named = [("ro.product.brand", "Shop W2"), ("ro.product.model", "Shop W2")];
        assert_eq!(read(&named, &[]), [row("brand", "Shop", 80)]);
    }

    #[test]
    fn what_may_be_anything_names_known_organisations_of_the_kind_only() {
        assert_eq!(read(&[("ro.build.display.id", "SHOP-F3_Pro-R17")], &[]), [row("brand", "Shop", 45)]);
        assert!(read(&[("ro.build.display.id", "LMY47D")], &[]).is_empty());
        assert!(read(&[("ro.build.display.id", "acme-F3")], &[]).is_empty(), "a design house is no brand");
    }

    #[test]
    fn who_signs_is_read_from_the_subject() {
        let signer = Signer { sha256: "ab".repeat(32), subject: "CN=platform, O=Acme, C=XX".into() };
        assert_eq!(read(&[], &[signer]), [row("platform_signer", "Acme Devices", 60)]);
    }

    #[test]
    fn who_signs_updates_is_the_design_house_by_its_name_or_the_address_of_a_person() {
        let signed_by = |subject: &str| Signer { sha256: "cd".repeat(32), subject: subject.into() };
        let house = |subject: &str| read_all(&[], &[], &[signed_by(subject)]);
        let acme = [row("design_house", "Acme Devices", 60)];
        assert_eq!(house("EMAILADDRESS=x@y.example, CN=x, O=Acme, C=XX"), acme);
        assert_eq!(house("EMAILADDRESS=jo@acmetek.example, CN=jo, O=HM, C=XX"), acme);
        assert_eq!(house("CN=x, O=New House, C=XX"), [row("design_house", "New House", 60)]);
        assert!(house("EMAILADDRESS=a@unknown.example, CN=x, O=unknown, C=XX").is_empty());
        let both = read_all(&[("ro.update.oem", "acme_1")], &[], &[signed_by("CN=x, O=ACME")]);
        assert_eq!(both, [row("design_house", "Acme Devices", 88)]);
    }

    #[test]
    fn a_key_that_is_known_by_name_says_nothing_of_a_house() {
        let known = format!("{KNOWN}\n[[known_certificate]]\nsha256 = \"{}\"\nname = \"a key\"\n", "cd".repeat(32));
        let knowledge = Knowledge::from_files(&[("k.toml", known.as_str())]).unwrap();
        let signer = Signer { sha256: "cd".repeat(32), subject: "CN=x, O=Acme".into() };
        assert!(parties(std::iter::empty(), &[], &[signer], &knowledge).is_empty());
    }
}
