//! Who ships a supplier's code: what many stored reports say together.

use serde::{Deserialize, Serialize};

use crate::{Grade, Standing};

/// Who ships the code of one supplier. What is observed in images, what others state and what others estimate stand apart
/// and are never added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exposure {
    /// The supplier's id.
    pub supplier: String,
    /// Its name.
    pub name: String,
    /// Reports looked at.
    pub images: u64,
    /// Of them, those whose image was not read completely.
    pub images_incomplete: u64,
    /// Images in which the supplier is named.
    pub images_named: u64,
    /// Images that point to the supplier, too weakly to name it.
    pub images_indicated: u64,
    /// Images with a trace only: too little to say anything.
    pub images_trace: u64,
    /// Observed: one row for each maker, brand and design house with the supplier named or indicated.
    pub observed: Vec<ExposureRow>,
    /// Organisations that others have named together with the supplier, and whether an image here shows it.
    pub connections: Vec<Connection>,
    /// Numbers that others have stated or estimated.
    pub stated: Vec<StatedNumber>,
}

/// What was observed on the devices of one maker, brand and design house.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExposureRow {
    /// Maker; empty if no image says.
    pub maker: String,
    /// Brand.
    pub brand: String,
    /// Design house.
    pub design_house: String,
    /// Images.
    pub images: u64,
    /// Models, as the images say.
    pub models: Vec<String>,
    /// How much the evidence allows to be said: the strongest of the images.
    pub standing: Standing,
    /// The strongest of the images.
    pub confidence_percent: u8,
    /// Worst grade on each axis of the apps for which the supplier is named; nothing that other apps of the image do.
    pub grades: Vec<Grade>,
    /// Models of the images whose apps have one of these grades: the others are better on every axis.
    #[serde(default)]
    pub worst_models: Vec<String>,
    /// Apps for which the supplier is named.
    pub apps: Vec<String>,
    /// Kinds of evidence, with an example of each.
    pub evidence: Vec<String>,
}

/// Somebody else said that an organisation and the supplier belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Connection {
    /// The organisation.
    pub organisation: String,
    /// What it is: `brand`, `maker`, `design_house`, `chip_maker`, `operator`, `unclear`.
    pub kinds: Vec<String>,
    /// Who said so.
    pub by: String,
    /// Where.
    pub reference: String,
    /// Images here in which the organisation is a party and the supplier is named or indicated.
    pub images_observed: u64,
}

/// A number that somebody else has stated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedNumber {
    /// The number.
    pub value: u64,
    /// Of what.
    pub unit: String,
    /// `claimed` or `estimated`.
    pub basis: String,
    /// Who said so, and when.
    pub by: String,
    /// Where.
    pub reference: String,
}
