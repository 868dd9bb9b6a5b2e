//! The result of one scan.

use serde::{Deserialize, Serialize};

use crate::{Axis, Coverage, Finding, RuleMatches, Transport};

/// Version of the JSON report's schema. Raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 3;

/// The result of one scan. Contains nothing that depends on the clock, the number of threads or this computer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// What was scanned.
    pub inputs: Vec<Input>,
    /// Whose firmware it is.
    pub identity: Identity,
    /// The worst grade on each axis, and the headline.
    pub grades: Vec<Grade>,
    /// Claims, worst first.
    pub findings: Vec<Finding>,
    /// Suppliers that the image as a whole speaks for: its files and build properties, and its apps; surest first.
    pub suppliers: Vec<Supplier>,
    /// Brand, maker, design house, chip maker, region, and who signs the platform; by role, surest first.
    #[serde(default)]
    pub parties: Vec<Party>,
    /// Apps that are able to update the firmware, by what their code does and whatever they are called; by path.
    #[serde(default)]
    pub update_clients: Vec<UpdateClient>,
    /// Who signs updates of the whole system, by the list that the image brings for it; by place. The recovery system may have keys
    /// of its own.
    #[serde(default)]
    pub update_keys: Vec<UpdateKeyRecord>,
    /// Keys that everybody has and that sign apps of the image; by certificate.
    #[serde(default)]
    pub public_keys: Vec<PublicKeyRecord>,
    /// What was added to the platform's own packages; absent where the image has no app.
    #[serde(default)]
    pub baseline: Option<BaselineRecord>,
    /// What rules of others say of its files; absent where none were brought.
    #[serde(default)]
    pub rule_matches: Option<RuleMatches>,
    /// Every app, by device path.
    pub apps: Vec<AppRecord>,
    /// One line per node, holes included.
    pub coverage: Vec<Coverage>,
    /// How much was looked at and what was cut.
    pub statistics: Statistics,
}

/// The program and its knowledge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 over the knowledge files used.
    pub knowledge: String,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// The last component of its path.
    pub name: String,
    /// Its length in bytes; the sum over files for a folder.
    pub len: u64,
}

/// Whose firmware it is, from build properties.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `ro.product.brand`.
    pub brand: Option<String>,
    /// `ro.product.manufacturer`.
    pub manufacturer: Option<String>,
    /// `ro.product.model`.
    pub model: Option<String>,
    /// `ro.product.device`.
    pub device: Option<String>,
    /// `ro.build.fingerprint`.
    pub fingerprint: Option<String>,
    /// `ro.build.version.release`.
    pub android: Option<String>,
    /// `ro.build.version.sdk`.
    pub api_level: Option<u32>,
    /// `ro.build.date.utc`, in seconds since 1970.
    pub built_utc_seconds: Option<u64>,
    /// `ro.build.version.security_patch`.
    pub security_patch: Option<String>,
    /// SHA-256 of the certificate that signs the platform (the package `android`, or the holder of the system uid).
    pub platform_certificate: Option<String>,
}

/// An app that is able to update the firmware.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateClient {
    /// Its package.
    pub package: String,
    /// Device path.
    pub path: String,
    /// The app that gives the update to the platform, where that is another one which this one starts or binds by name.
    #[serde(default)]
    pub helper: Option<String>,
    /// `proven` where data from a server was followed to the updater, `present` where the code names both and no more is
    /// known, `updater` where it names the updater and nobody who names a server was found to send to it.
    pub standing: String,
    /// `platform` where the platform's key signs it, `third` where another does.
    pub signed_by: String,
    /// How its data travels, by the addresses recovered from its strings.
    pub transport: Transport,
    /// Whether its code names the check of the update's signature. The recovery system checks again, by the image's keys.
    pub names_signature_check: bool,
    /// Whether it also installs packages without asking, by proof or by what it names.
    pub installs_packages: bool,
    /// Whether it, or its helper, names push messages that start it.
    #[serde(default)]
    pub told_by_push: bool,
    /// Whether it, or its helper, names alarms or jobs by which it comes back by itself.
    #[serde(default)]
    pub comes_back: bool,
    /// Whether everybody has the key that signs it.
    pub signed_with_public_key: bool,
    /// Keys of ciphers that its code, or its helper's, fixes: everybody who has the app has them. What passes such a cipher is not
    /// followed here.
    #[serde(default)]
    pub constant_keys: Vec<ConstantKey>,
}

/// A key of a cipher that code fixes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConstantKey {
    /// The package whose code it is.
    pub app: String,
    /// The cipher, as the code names it: `DES`; absent where that is not constant.
    pub algorithm: Option<String>,
    /// The key as text, or in hex after `0x` where it is none.
    pub key: String,
    /// The method that gives it on.
    pub method: String,
    /// Address in code units.
    pub code_unit: u32,
}

/// A certificate in the list of those that sign updates of the whole system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateKeyRecord {
    /// Device path, with the name in the archive.
    pub path: String,
    /// SHA-256 of the certificate.
    pub certificate_sha256: String,
    /// Its subject, as text.
    pub subject: String,
    /// What it is known as.
    pub known_as: Option<String>,
    /// Whether everybody has its key, so that everybody can make an update that the list lets pass.
    pub public: bool,
}

/// A key that everybody has, and what it signs here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeyRecord {
    /// SHA-256 of its certificate.
    pub certificate_sha256: String,
    /// What it is known as.
    pub known_as: String,
    /// Whether the platform's own package is signed with it.
    pub signs_platform: bool,
    /// Whether an app that asks for the system's user is, and nothing says that the platform has another key.
    pub signs_system_user: bool,
    /// Packages that are, sorted.
    pub apps: Vec<String>,
}

/// The image beside a build of the platform without anything added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaselineRecord {
    /// The build it was compared with.
    pub name: String,
    /// Whether that build is of the image's API level; otherwise it is the nearest older one, and the numbers are less sure.
    pub same_api_level: bool,
    /// Apps that build does not have.
    pub added: u64,
    /// The published score of what a device comes with, in hundredths of its ten points; absent where that is not defined.
    pub score: Option<ScoreRecord>,
    /// Added apps with a permission of the highest weights that comes granted, heaviest first.
    pub outliers: Vec<OutlierRecord>,
}

/// Uraniborg's score of preloaded apps without those of the platform's owner, in hundredths of a point. It counts rights, not
/// what is done with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreRecord {
    /// Added apps with the platform's key: at most 600.
    pub platform_hundredths: u32,
    /// Added weight of permissions: at most 300.
    pub permissions_hundredths: u32,
    /// Added apps that may send in the clear: at most 100.
    pub cleartext_hundredths: u32,
    /// The sum: at most 1000.
    pub total_hundredths: u32,
}

/// An added app with unusual rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutlierRecord {
    /// Its package.
    pub package: String,
    /// Weight of all its permissions that come granted, in tenths.
    pub weight_tenths: u32,
    /// Those of the highest weights.
    pub permissions: Vec<String>,
}

/// The worst grade on one axis. Only claims that an entry point leads to count, and only those of at least medium confidence
/// make the rank: a guess grades nobody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grade {
    /// The question.
    pub axis: Axis,
    /// Rank; 0 is nothing.
    pub rank: u8,
    /// Name of the rank.
    pub grade: String,
    /// A higher rank that claims of low confidence alone would make; 0 where there is none.
    pub doubtful_rank: u8,
}

/// One app of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRecord {
    /// `com.example.app`; empty if the manifest could not be read.
    pub package: String,
    /// Label in the default language.
    pub label: Option<String>,
    /// `android:versionName`.
    pub version_name: Option<String>,
    /// `android:versionCode`.
    pub version_code: Option<u64>,
    /// Device path of the APK.
    pub path: String,
    /// The layers around it.
    pub container: String,
    /// SHA-256 of the APK.
    pub sha256: String,
    /// `android:sharedUserId`.
    pub shared_user_id: Option<String>,
    /// Signers.
    pub signers: Vec<SignerRecord>,
    /// Permissions it holds, though it may not request them; sorted.
    pub permissions_held: Vec<String>,
    /// Components other apps can reach.
    pub exposed_components: Vec<ComponentRecord>,
    /// `read`, `partial`, `opaque` (code not recovered) or `none` (resource-only).
    pub code: String,
    /// Instructions analysed.
    pub instructions: u64,
    /// Whether it is not among the packages of the platform's own build; absent where there is nothing to compare with.
    #[serde(default)]
    pub added: Option<bool>,
    /// What its code names, by id of the knowledge files: present, not proven to be done.
    #[serde(default)]
    pub markers: Vec<String>,
    /// Those of them that are worth telling though nothing was followed, in words: *turns the verifier of packages off*.
    #[serde(default)]
    pub present: Vec<String>,
    /// Grades by axis.
    pub grades: Vec<Grade>,
    /// Suppliers, surest first.
    pub suppliers: Vec<Supplier>,
    /// Constants that the code hides, recovered, sorted by place.
    pub hidden_strings: Vec<HiddenString>,
    /// What native code of the app does when the app calls it, by method: present, with the way, and no claim by itself.
    #[serde(default)]
    pub native_methods: Vec<NativeMethodRecord>,
    /// Packages that the app carries in itself; the platform does not start them, the app may.
    #[serde(default)]
    pub carried: Vec<CarriedRecord>,
}

/// A native method of an app whose code leads to an import that does something to the world.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NativeMethodRecord {
    /// Its class and name, `com.example.Native.run`; `JNI_OnLoad` for what runs when the library is loaded.
    pub method: String,
    /// What it leads to, by id of the knowledge files: `exec`, `connect`.
    pub act: String,
    /// The import that does it.
    pub import: String,
    /// The library, with the way to it.
    pub library: String,
    /// Calls from the method to the import, each with its place in the library.
    pub way: Vec<NativeStep>,
}

/// One call of native code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NativeStep {
    /// Byte offset of the instruction in the library.
    pub offset: u64,
    /// What it does, in words.
    pub text: String,
}

/// A package inside an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CarriedRecord {
    /// The way to it.
    pub path: String,
    /// `com.example.plugin`; empty if the manifest could not be read.
    pub package: String,
    /// `android:versionName`.
    pub version_name: Option<String>,
    /// Permissions that it requests; while it runs as part of the app it has those of the app.
    pub permissions: Vec<String>,
    /// Its components, reachable or not.
    pub components: Vec<ComponentRecord>,
}

/// One signer of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerRecord {
    /// SHA-256 of the certificate.
    pub certificate_sha256: String,
    /// Its subject, as text.
    pub subject: String,
    /// `v1`, `v2`, `v3`.
    pub schemes: Vec<String>,
    /// Whether the signature was verified over the bytes; the reason if not.
    pub verified: Result<(), String>,
}

/// A component of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ComponentRecord {
    /// `activity`, `service`, `receiver`, `provider`.
    pub kind: String,
    /// Class name.
    pub name: String,
    /// Permission a caller must hold, if any.
    pub permission: Option<String>,
    /// Authorities of a provider.
    pub authorities: Vec<String>,
}

/// A constant that the code hides, recovered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HiddenString {
    /// The method that builds it.
    pub method: String,
    /// Address in code units.
    pub code_unit: u32,
    /// How it was hidden: `char array`, `byte array`, `interpreted`.
    pub how: String,
    /// The string.
    pub value: String,
}

/// A supplier and why it is named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// Name of its knowledge file.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What its code is for: `update_service`, `advertising`, `analytics`, `push`, `library`, `malware`, `other`.
    #[serde(default)]
    pub kind: String,
    /// How much the evidence allows to be said.
    #[serde(default)]
    pub standing: Standing,
    /// 0 to 100: combined weight of the evidence.
    pub confidence_percent: u8,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// How much the evidence allows to be said of a supplier, rising.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Something speaks for it; too little to name it.
    #[default]
    Trace,
    /// The evidence points to it, and another explanation remains possible.
    Indicated,
    /// The evidence is strong enough to call it by name.
    Named,
}

/// Somebody who has to do with the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// What it is to the device: `brand`, `maker`, `design_house`, `chip_maker`, `region`, `platform_signer`.
    pub role: String,
    /// Name of its entry in the knowledge files, if it has one.
    pub organisation: Option<String>,
    /// Its name; that of the image where no entry knows it.
    pub name: String,
    /// 0 to 100: combined weight of the evidence.
    pub confidence_percent: u8,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// `certificate`, `package`, `component`, `authority`, `domain`, `namespace`, `text`, `code`, `file`, `content`,
    /// `property`.
    pub kind: String,
    /// What was found.
    pub value: String,
    /// Weight of this piece alone, 0 to 100.
    pub weight_percent: u8,
    /// Where that is documented.
    pub reference: String,
}

/// How much was looked at and what was cut.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Files of the image.
    pub files: u64,
    /// Apps found.
    pub apps: u64,
    /// Apps whose code was not recovered.
    pub apps_opaque: u64,
    /// Methods with code.
    pub methods: u64,
    /// Instructions of those methods.
    pub instructions: u64,
    /// Limits reached, by name.
    pub cuts: Vec<(String, u64)>,
}
