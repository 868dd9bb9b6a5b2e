//! Who makes, designs and sells devices, and where an image names them. Files under `knowledge/organisations/`.

/// An organisation that makes, designs or sells devices or their chips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Short name, unique.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Other names, and the short ones that build trees use.
    pub aliases: Vec<String>,
    /// What it is.
    pub kinds: Vec<OrganisationKind>,
    /// Where it is registered, if that is documented.
    pub country: Option<String>,
    /// What a reader should know about it.
    pub note: Option<String>,
    /// SHA-256 of certificates that are its own.
    pub certificates: Vec<String>,
    /// Lists that name it together with a supplier: a claim of others, not an observation.
    pub named: Vec<NamedBy>,
    /// Documents about it.
    pub references: Vec<String>,
}

/// Somebody said that an organisation and a supplier belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedBy {
    /// The supplier.
    pub supplier: String,
    /// Who said so, and when.
    pub by: String,
    /// Where.
    pub reference: String,
}

/// What an organisation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrganisationKind {
    /// Sells devices under its name.
    Brand,
    /// Makes devices.
    Maker,
    /// Designs devices that others sell.
    DesignHouse,
    /// Makes the chips, and the build tree for them.
    ChipMaker,
    /// Runs a mobile network and sells devices for it.
    Operator,
    /// Named in a list, and nothing more is documented.
    Unclear,
}

impl OrganisationKind {
    const NAMES: [(&'static str, Self); 6] = [
        ("brand", Self::Brand),
        ("maker", Self::Maker),
        ("design_house", Self::DesignHouse),
        ("chip_maker", Self::ChipMaker),
        ("operator", Self::Operator),
        ("unclear", Self::Unclear),
    ];

    /// Its name in the knowledge files.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// A property of the build that names somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartyRule {
    /// Name of the property, a pattern.
    pub property: String,
    /// Values it holds for, a pattern.
    pub value: String,
    /// What the named one is to the device.
    pub role: PartyRole,
    /// How the name is read from the value.
    pub reading: Reading,
    /// Who it is, where the value itself has no name.
    pub organisation: Option<String>,
    /// Whether only an organisation of the knowledge files that is of the kind of the role counts: for values that may be anything.
    pub known: bool,
    /// Properties, as patterns, whose value is no name of this role: a brand that is spelled like the model is the model. The name of an
    /// organisation counts all the same.
    pub unless_in: Vec<String>,
    /// How much it proves, 0 to 100.
    pub weight_percent: u8,
    /// Where that is documented.
    pub reference: String,
}

/// What somebody is to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartyRole {
    /// Whose name is on it.
    Brand,
    /// Who made it, or had it made.
    Maker,
    /// Who designed it and built its firmware.
    DesignHouse,
    /// Whose chip it runs on.
    ChipMaker,
    /// Where it is meant to be sold.
    Region,
    /// Who signs the platform.
    PlatformSigner,
}

impl PartyRole {
    const NAMES: [(&'static str, Self); 6] = [
        ("brand", Self::Brand),
        ("maker", Self::Maker),
        ("design_house", Self::DesignHouse),
        ("chip_maker", Self::ChipMaker),
        ("region", Self::Region),
        ("platform_signer", Self::PlatformSigner),
    ];

    /// Its name in the knowledge files and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, role)| *role == self).map_or("", |(name, _)| name)
    }

    /// What an organisation of this role is.
    #[must_use]
    pub const fn kind(self) -> Option<OrganisationKind> {
        match self {
            Self::Brand => Some(OrganisationKind::Brand),
            Self::Maker => Some(OrganisationKind::Maker),
            Self::DesignHouse => Some(OrganisationKind::DesignHouse),
            Self::ChipMaker => Some(OrganisationKind::ChipMaker),
            Self::Region | Self::PlatformSigner => None,
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }
}

/// How a name is read from the value of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reading {
    /// All of it.
    Whole,
    /// The letters it begins with: `acme6735_6.0`.
    Letters,
    /// The folder below `device`: `device/acme/acme6735_m0`.
    Folder,
    /// What follows `android-`, up to the next hyphen: `android-acme-eu`.
    Client,
    /// Up to the first space, underscore or slash: `acme_x5-user 6.0`.
    FirstWord,
}

impl Reading {
    const NAMES: [(&'static str, Self); 5] = [
        ("whole", Self::Whole),
        ("letters", Self::Letters),
        ("folder", Self::Folder),
        ("client", Self::Client),
        ("first_word", Self::FirstWord),
    ];

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, reading)| *reading)
    }

    /// The name in a value.
    #[must_use]
    pub fn read(self, value: &str) -> Option<&str> {
        let value = value.trim();
        let name = match self {
            Self::Whole => value,
            Self::Letters => value.split(|c: char| !c.is_ascii_alphabetic()).next()?,
            Self::Folder => {
                let mut parts = value.split('/').skip_while(|part| *part != "device");
                parts.nth(1)?
            }
            Self::Client => value.strip_prefix("android-")?.split('-').next()?,
            Self::FirstWord => value.split([' ', '_', '/']).next()?,
        };
        (!name.is_empty()).then_some(name)
    }
}

/// A certificate that is known by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// What it is.
    pub name: String,
    /// Whether everybody has the private key, so that it vouches for nothing.
    pub public: bool,
    /// Where that is documented.
    pub reference: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_values_as_build_trees_write_them() {
        assert_eq!(Reading::Letters.read("acme6735_6.0"), Some("acme"));
        assert_eq!(Reading::Folder.read("device/acme/acme6753_65u_m0"), Some("acme"));
        assert_eq!(Reading::Client.read("android-acme-eu"), Some("acme"));
        assert_eq!(Reading::FirstWord.read("full_x5-user 6.0"), Some("full"));
        assert_eq!(Reading::Client.read("acme"), None);
        assert_eq!(Reading::Letters.read("6735"), None);
    }
}
