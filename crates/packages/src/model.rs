//! The nouns of this room.

use bytes::ByteSource;

/// One app of the image, as the platform would install it.
#[derive(Debug, Clone)]
pub struct Package {
    /// `com.example.app`; empty if the manifest could not be read.
    pub name: String,
    /// Device path of the APK or JAR.
    pub path: String,
    /// The layers around it.
    pub container: String,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
    /// Label in the default language, resolved through `resources.arsc`.
    pub label: Option<String>,
    /// `android:versionName`.
    pub version_name: Option<String>,
    /// `android:versionCode` with `versionCodeMajor` in the high half.
    pub version_code: Option<u64>,
    /// `android:minSdkVersion`; 1 if absent.
    pub min_sdk: u32,
    /// `android:targetSdkVersion`; `min_sdk` if absent.
    pub target_sdk: u32,
    /// `android:sharedUserId`.
    pub shared_user_id: Option<String>,
    /// The application class, fully qualified.
    pub application_class: Option<String>,
    /// Whether the app is in a `priv-app` folder.
    pub privileged: bool,
    /// Whether the manifest was read to its end: else there may be more of everything that it says.
    pub manifest_is_whole: bool,
    /// Requested permissions.
    pub uses_permissions: Vec<UsesPermission>,
    /// Permissions this app defines.
    pub defines_permissions: Vec<PermissionDefinition>,
    /// Actions that only the platform may broadcast once this is a part of it (`protected-broadcast`).
    pub protects_broadcasts: Vec<String>,
    /// Activities (aliases included), services, receivers, providers.
    pub components: Vec<Component>,
    /// What its layouts make the platform call and create.
    pub layouts: crate::Layouts,
    /// Its resource table, if it has one: read again by whoever asks for texts.
    pub resources: Option<ByteSource>,
    /// Signers, verified.
    pub signers: Vec<Signer>,
    /// Permissions held, whether requested or not; filled by `hold_permissions` for a whole image; sorted by name.
    pub permissions_held: Vec<HeldPermission>,
    /// Files that may hold Dalvik code, in class path order: members of the APK, or the odex/oat file beside it when the
    /// APK itself has none. What they hold is decided by whoever opens them.
    pub code_files: Vec<CodeFile>,
    /// Code that the app carries elsewhere than where the platform looks, in the order of the archive; the path is the way.
    pub hidden_files: Vec<CodeFile>,
    /// Native programs and libraries in the archive, with the way to each.
    pub natives: Vec<CodeFile>,
    /// Packages inside the archive, by their manifests; of each only what the manifest says is filled in.
    pub carried: Vec<Self>,
    /// Members that look like cipher text, with their lengths.
    pub sealed: Vec<String>,
    /// Members of no known format, which a key that the code has may open.
    pub locked: Vec<CodeFile>,
    /// Names of the files under `lib/` and `assets/`, without folders.
    pub file_names: Vec<String>,
    /// Whether the manifest says there is code (`android:hasCode`, default true).
    pub has_code: bool,
    /// Whether the platform keeps it running (`android:persistent`, default false).
    pub persistent: bool,
    /// Whether it may send without encryption (`android:usesCleartextTraffic`; default true below target level 28).
    pub uses_cleartext: bool,
    /// Device path of the package entry whose code files hold this one's code: a jar of the boot class path points to
    /// the boot image.
    pub code_in: Option<String>,
    /// What could not be read, as text with layer and offset.
    pub problems: Vec<String>,
}

impl Default for Package {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: String::new(),
            container: String::new(),
            sha256: [0; 32],
            label: None,
            version_name: None,
            version_code: None,
            min_sdk: 1,
            target_sdk: 1,
            shared_user_id: None,
            application_class: None,
            privileged: false,
            manifest_is_whole: false,
            uses_permissions: Vec::new(),
            defines_permissions: Vec::new(),
            protects_broadcasts: Vec::new(),
            components: Vec::new(),
            layouts: crate::Layouts::default(),
            resources: None,
            signers: Vec::new(),
            permissions_held: Vec::new(),
            code_files: Vec::new(),
            hidden_files: Vec::new(),
            carried: Vec::new(),
            sealed: Vec::new(),
            locked: Vec::new(),
            natives: Vec::new(),
            file_names: Vec::new(),
            has_code: true,
            persistent: false,
            uses_cleartext: true,
            code_in: None,
            problems: Vec::new(),
        }
    }
}

impl Package {
    /// Whether it runs as the system user (`android.uid.system`, uid 1000): every permission check of the platform lets
    /// that user pass, whatever its manifest requests.
    #[must_use]
    pub fn bypasses_permission_checks(&self) -> bool {
        self.shared_user_id.as_deref() == Some("android.uid.system")
    }

    /// Whether it holds a permission, by grant or by running as the system user.
    #[must_use]
    pub fn holds(&self, permission: &str) -> bool {
        self.bypasses_permission_checks()
            || self.permissions_held.binary_search_by(|held| held.name.as_str().cmp(permission)).is_ok()
    }
}

/// A file that may hold Dalvik code.
#[derive(Debug, Clone)]
pub struct CodeFile {
    /// Its bytes.
    pub source: ByteSource,
    /// Device path with inner layers: `/system/app/X/X.apk!classes2.dex`, `/system/app/X/oat/arm64/X.odex`.
    pub path: String,
}

/// A requested permission.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsesPermission {
    /// Its name.
    pub name: String,
    /// The API level from which it is requested: 23 for `uses-permission-sdk-23`.
    pub min_sdk: Option<u32>,
    /// `android:maxSdkVersion`.
    pub max_sdk: Option<u32>,
}

/// A permission that an app defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionDefinition {
    /// Its name.
    pub name: String,
    /// `android:protectionLevel`, as the raw flags.
    pub protection_level: u32,
}

/// A permission an app holds, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldPermission {
    /// Its name.
    pub name: String,
    /// The first reason that grants it.
    pub why: Why,
}

/// Why an app holds a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Requested, and of normal level.
    Normal,
    /// Requested, and signed with the certificate of the definer (usually the platform).
    Signature,
    /// Requested by a privileged app, and allowed by a privapp list or a platform without such lists.
    Privileged,
    /// Requested, of dangerous level; pre-installed apps of these API levels hold it from the start.
    DangerousInstallTime,
    /// Requested, of dangerous level, and granted from the start by a default-permissions file or because the platform
    /// grants its own core parts everything.
    DefaultGrant,
    /// Requested, of dangerous level; the user is asked.
    DangerousRuntime,
    /// Not requested by this app, but by another app of the same shared user.
    SharedUser,
    /// Requested without a rule that grants it, but the app runs as the system user, which bypasses checks.
    CoreUser,
}

/// What kind of component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ComponentKind {
    /// An activity or an alias of one.
    Activity,
    /// A service.
    Service,
    /// A broadcast receiver.
    Receiver,
    /// A content provider.
    Provider,
}

/// A declared component.
#[derive(Debug, Clone)]
pub struct Component {
    /// What kind.
    pub kind: ComponentKind,
    /// Fully qualified name as declared; intents name this. It differs from the class for an alias.
    pub name: String,
    /// Fully qualified class name, with dots; for an alias, the target's.
    pub class: String,
    /// Whether other apps can reach it.
    pub exported: ExportState,
    /// Permission a caller needs (the component's own, else the application's).
    pub permission: Option<String>,
    /// Permission a reader of a provider needs.
    pub read_permission: Option<String>,
    /// Permission a writer of a provider needs.
    pub write_permission: Option<String>,
    /// Authorities of a provider.
    pub authorities: Vec<String>,
    /// `android:grantUriPermissions` or a `grant-uri-permission` child.
    pub grants_uri_permissions: bool,
    /// `path-permission` children: path and the permissions that open it.
    pub path_permissions: Vec<(PathSpec, Option<String>, Option<String>)>,
    /// Intent filters.
    pub filters: Vec<IntentFilter>,
    /// Whether it and the application are enabled.
    pub enabled: bool,
    /// `android:process`, if not the default.
    pub process: Option<String>,
    /// Offset of its element in the manifest.
    pub offset: u64,
}

/// Whether other apps can reach a component, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExportState {
    /// `android:exported="true"`.
    Declared,
    /// No attribute; it has an intent filter, and the target API level is below 31.
    ByFilter,
    /// No attribute; a provider of a target API level below 17.
    ByOldDefault,
    /// Not reachable.
    No,
}

impl ExportState {
    /// Whether other apps can reach the component.
    #[must_use]
    pub const fn is_exported(self) -> bool {
        !matches!(self, Self::No)
    }
}

/// An intent filter.
#[derive(Debug, Clone, Default)]
pub struct IntentFilter {
    /// Actions.
    pub actions: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Data specifications.
    pub data: Vec<DataSpec>,
    /// `android:priority`.
    pub priority: i32,
}

/// A `data` element of an intent filter.
#[derive(Debug, Clone, Default)]
pub struct DataSpec {
    /// `android:scheme`.
    pub scheme: Option<String>,
    /// `android:host`.
    pub host: Option<String>,
    /// `android:path`, `pathPrefix` or `pathPattern`.
    pub path: Option<PathSpec>,
    /// `android:mimeType`.
    pub mime_type: Option<String>,
}

/// A path and how it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSpec {
    /// Equal.
    Exact(String),
    /// Starts with.
    Prefix(String),
    /// Simple pattern.
    Pattern(String),
}

/// A signer of an APK.
#[derive(Debug, Clone)]
pub struct Signer {
    /// SHA-256 of the DER certificate.
    pub certificate_sha256: [u8; 32],
    /// Subject, as text.
    pub subject: String,
    /// The schemes that name it: 1, 2, 3.
    pub schemes: Vec<u8>,
    /// Verified over the bytes of the file, or why not.
    pub verified: Result<(), String>,
}
