//! Entries about who is who: suppliers and samples of their code, organisations, where an image names them, and what the
//! platform brings by itself.

use crate::baseline::{Baseline, Marker, ScoreRules};
use crate::load::{At, Loader, put, reference};
use crate::party::{KnownCertificate, NamedBy, Organisation, OrganisationKind, PartyRole, PartyRule, Reading};
use crate::problem::{Fault, Problem};
use crate::raw;
use crate::supplier::{CodeSample, EvidenceKind, EvidenceRule, NumberClaim, Supplier, SupplierKind};

impl Loader {
    /// Takes the entries about who is who out of a file.
    pub(crate) fn read_parties(
        &mut self,
        file: &mut raw::File,
        cited: &str,
        at: &impl Fn(&str, usize, &str) -> At,
    ) -> Result<(), Problem> {
        for (index, entry) in std::mem::take(&mut file.supplier).into_iter().enumerate() {
            let at = at("supplier", index, &entry.id);
            self.supplier(entry, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.code_sample).into_iter().enumerate() {
            let at = at("code_sample", index, &entry.about);
            self.code_sample(entry, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.baseline).into_iter().enumerate() {
            let at = at("baseline", index, &entry.name);
            self.baseline(entry, cited, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.marker).into_iter().enumerate() {
            let at = at("marker", index, &entry.id);
            self.marker(entry, cited, &at)?;
        }
        if let Some(entry) = file.preload_score.take() {
            self.preload_score(entry, &at("preload_score", 0, ""))?;
        }
        for (index, entry) in std::mem::take(&mut file.organisation).into_iter().enumerate() {
            let at = at("organisation", index, &entry.id);
            self.organisation(entry, cited, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.party_rule).into_iter().enumerate() {
            let at = at("party_rule", index, &entry.property.as_slice().join(" "));
            self.party_rule(&entry, cited, &at)?;
        }
        for (index, entry) in std::mem::take(&mut file.nobody).into_iter().enumerate() {
            put(&mut self.nobody, entry.clone(), &entry, (), &at("nobody", index, &entry))?;
        }
        for (index, entry) in std::mem::take(&mut file.known_certificate).into_iter().enumerate() {
            let at = at("known_certificate", index, &entry.name);
            self.known_certificate(entry, cited, &at)?;
        }
        Ok(())
    }

    fn supplier(&mut self, entry: raw::Supplier, at: &At) -> Result<(), Problem> {
        let mut evidence = Vec::new();
        for piece in &entry.evidence {
            let Some(kind) = EvidenceKind::from_name(&piece.kind) else {
                return at.value(
                    "kind",
                    "certificate, package, component, domain, property, file, authority, namespace, text, content or digest",
                );
            };
            if piece.weight_percent > 100 {
                return at.value("weight_percent", "0 to 100");
            }
            if piece.reference.is_empty() {
                return at.value("reference", "a document for every piece of evidence");
            }
            for pattern in piece.pattern.as_slice() {
                check_pattern(kind, pattern, at)?;
                evidence.push(EvidenceRule {
                    kind,
                    pattern: pattern.clone(),
                    except: piece.except.clone(),
                    weight_percent: piece.weight_percent,
                    reference: piece.reference.clone(),
                    note: piece.note.clone(),
                });
            }
        }
        if entry.references.is_empty() {
            return at.value("references", "at least one document");
        }
        let kind = match entry.kind.as_deref() {
            None => SupplierKind::Other,
            Some(name) => match SupplierKind::from_name(name) {
                Some(kind) => kind,
                None => {
                    return at.value("kind", "update_service, advertising, analytics, push, library, malware or other");
                }
            },
        };
        let mut claims = Vec::new();
        for claim in entry.claim {
            if !["claimed", "estimated"].contains(&claim.basis.as_str()) {
                return at.value("basis", "claimed or estimated: what is observed is counted, not written down");
            }
            if claim.by.is_empty() || claim.reference.is_empty() {
                return at.value("by", "who said so, and where");
            }
            let raw::NumberClaim { value, unit, basis, by, reference } = claim;
            claims.push(NumberClaim { value, unit, basis, by, reference });
        }
        let supplier = Supplier {
            id: entry.id.clone(),
            name: entry.name,
            aliases: entry.aliases,
            country: entry.country,
            kind,
            summary: entry.summary,
            references: entry.references,
            evidence,
            code: Vec::new(),
            claims,
        };
        put(&mut self.suppliers, entry.id.clone(), &entry.id, supplier, at)
    }

    fn code_sample(&mut self, entry: raw::CodeSample, at: &At) -> Result<(), Problem> {
        if !is_sha256(&entry.sample) {
            return at.value("sample", "the SHA-256 of a package in lower-case hex");
        }
        if entry.weight_percent > 100 || entry.reference.is_empty() {
            return at.value("weight_percent", "0 to 100, with a reference");
        }
        let mut shapes = Vec::new();
        for word in entry.shapes.split_whitespace() {
            match u64::from_str_radix(word, 16) {
                Ok(shape) if word.len() == 16 => shapes.push(shape),
                _ => return at.value("shapes", "numbers of sixteen hexadecimal digits"),
            }
        }
        if shapes.is_empty() || !shapes.is_sorted_by(|a, b| a < b) {
            return at.value("shapes", "at least one, sorted, each once");
        }
        // A package may be known by several of its parts.
        let key = (entry.supplier.clone(), format!("{} {}", entry.sample, entry.about));
        let name = format!("{} {}", entry.supplier, entry.sample);
        let sample = CodeSample {
            sample: entry.sample,
            about: entry.about,
            bodies: entry.bodies,
            shapes,
            weight_percent: entry.weight_percent,
            reference: entry.reference,
        };
        put(&mut self.code_samples, key, &name, sample, at)
    }

    fn organisation(&mut self, entry: raw::Organisation, cited: &str, at: &At) -> Result<(), Problem> {
        let mut kinds = Vec::new();
        for kind in &entry.kinds {
            match OrganisationKind::from_name(kind) {
                Some(kind) => kinds.push(kind),
                None => return at.value("kinds", "brand, maker, design_house, chip_maker, operator or unclear"),
            }
        }
        if !entry.certificates.iter().all(|certificate| is_sha256(certificate)) {
            return at.value("certificates", "SHA-256 in lower-case hex");
        }
        let mut references = entry.reference.as_slice().to_vec();
        if references.is_empty() {
            references.push(reference(None, cited, at)?);
        }
        let named = entry.named.into_iter();
        let named =
            named.map(|named| NamedBy { supplier: named.supplier, by: named.by, reference: named.reference }).collect();
        let organisation = Organisation {
            id: entry.id.clone(),
            name: entry.name,
            aliases: entry.aliases,
            kinds,
            country: entry.country,
            note: entry.note,
            certificates: entry.certificates,
            named,
            references,
        };
        put(&mut self.organisations, entry.id.clone(), &entry.id, organisation, at)
    }

    fn party_rule(&mut self, entry: &raw::PartyRule, cited: &str, at: &At) -> Result<(), Problem> {
        let Some(role) = PartyRole::from_name(&entry.role) else {
            return at.value("role", "brand, maker, design_house, chip_maker or region");
        };
        let Some(reading) = Reading::from_name(entry.read.as_deref().unwrap_or("whole")) else {
            return at.value("read", "whole, letters, folder, client or first_word");
        };
        if entry.weight_percent > 100 {
            return at.value("weight_percent", "0 to 100");
        }
        let any = ["*".to_owned()];
        let values = if entry.value.as_slice().is_empty() { &any } else { entry.value.as_slice() };
        for property in entry.property.as_slice() {
            for value in values {
                let rule = PartyRule {
                    property: property.clone(),
                    value: value.clone(),
                    role,
                    reading,
                    organisation: entry.organisation.clone(),
                    known: entry.known,
                    unless_in: entry.unless_in.clone(),
                    weight_percent: entry.weight_percent,
                    reference: reference(entry.reference.clone(), cited, at)?,
                };
                let key = (property.clone(), value.clone(), entry.role.clone());
                put(&mut self.party_rules, key, &format!("{property}={value} {}", entry.role), rule, at)?;
            }
        }
        Ok(())
    }

    fn known_certificate(&mut self, entry: raw::KnownCertificate, cited: &str, at: &At) -> Result<(), Problem> {
        if !is_sha256(&entry.sha256) {
            return at.value("sha256", "the SHA-256 of a certificate in lower-case hex");
        }
        let reference = reference(entry.reference, cited, at)?;
        let known = KnownCertificate { sha256: entry.sha256, name: entry.name, public: entry.public, reference };
        put(&mut self.known_certificates, known.sha256.clone(), &known.name.clone(), known, at)
    }

    fn marker(&mut self, entry: raw::Marker, cited: &str, at: &At) -> Result<(), Problem> {
        let mut methods = Vec::new();
        for method in &entry.methods {
            let Some((class, name)) = method.split_once("->") else {
                return at.value("methods", "class with dots, ->, name of the method");
            };
            methods.push((at.class(class)?, name.to_owned()));
        }
        if methods.is_empty() && entry.texts.is_empty() {
            return at.value("methods", "methods or texts that it is recognised by");
        }
        let reference = reference(entry.reference, cited, at)?;
        let (told, texts) = (entry.told, entry.texts);
        let marker = Marker { id: entry.id, label: entry.label, methods, texts, told, reference };
        put(&mut self.markers, marker.id.clone(), &marker.id.clone(), marker, at)
    }

    fn baseline(&mut self, entry: raw::Baseline, cited: &str, at: &At) -> Result<(), Problem> {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        let baseline = Baseline {
            name: entry.name.clone(),
            api_levels: entry.api_levels,
            packages: words(&entry.packages),
            platform_signed: words(&entry.platform_signed),
            reference: reference(entry.reference, cited, at)?,
        };
        if baseline.api_levels.is_empty() || !baseline.platform_signed.is_subset(&baseline.packages) {
            return at.value("platform_signed", "packages that are among the packages, for at least one API level");
        }
        put(&mut self.baselines, entry.name.clone(), &entry.name, baseline, at)
    }

    /// There is one; a later layer replaces it.
    fn preload_score(&mut self, entry: raw::PreloadScore, at: &At) -> Result<(), Problem> {
        let mut rules = ScoreRules {
            groups: entry.groups,
            prefixes: entry.prefixes,
            excluded: entry.excluded.into_iter().map(|(maker, list)| (maker, list.into_iter().collect())).collect(),
            stores: entry.stores,
            services: entry.services,
            ..ScoreRules::default()
        };
        for (weight, permissions) in entry.weights_tenths {
            let Ok(weight) = weight.parse() else { return at.value("weights_tenths", "whole numbers of tenths") };
            rules.weights_tenths.extend(permissions.into_iter().map(|name| (name, weight)));
        }
        self.score = rules;
        Ok(())
    }

    /// Every supplier and organisation that another entry names exists.
    pub(crate) fn check_parties(&self) -> Result<(), Problem> {
        let undefined =
            |at: &At, what: &'static str, name: &str| Err(at.problem(Fault::Undefined { what, name: name.to_owned() }));
        for ((supplier, _), entry) in &self.code_samples {
            if !self.suppliers.contains_key(supplier) {
                return undefined(&entry.at, "supplier", supplier);
            }
        }
        for entry in self.organisations.values() {
            for named in &entry.value.named {
                if !self.suppliers.contains_key(&named.supplier) {
                    return undefined(&entry.at, "supplier", &named.supplier);
                }
            }
        }
        for entry in self.party_rules.values() {
            if let Some(id) = &entry.value.organisation
                && !self.organisations.contains_key(id)
            {
                return undefined(&entry.at, "organisation", id);
            }
        }
        Ok(())
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn check_pattern(kind: EvidenceKind, pattern: &str, at: &At) -> Result<(), Problem> {
    let lower = !pattern.bytes().any(|byte| byte.is_ascii_uppercase());
    match kind {
        EvidenceKind::Certificate | EvidenceKind::Digest if !is_sha256(pattern) => {
            at.value("pattern", "a SHA-256 in lower-case hex")
        }
        EvidenceKind::Domain if !lower || pattern.contains('*') || !pattern.contains('.') => {
            at.value("pattern", "a domain in lower case, without *")
        }
        EvidenceKind::Content if !is_content(pattern) => {
            at.value("pattern", "the SHA-256 of a file in lower-case hex, / and its length in bytes")
        }
        EvidenceKind::Property if !pattern.contains('=') => at.value("pattern", "name=value"),
        _ if pattern.is_empty() => at.value("pattern", "some text"),
        _ => Ok(()),
    }
}

fn is_content(pattern: &str) -> bool {
    pattern.split_once('/').is_some_and(|(digest, len)| is_sha256(digest) && len.parse::<u64>().is_ok())
}
