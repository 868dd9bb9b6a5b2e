//! A small report made by hand: one flow across two apps, one claim without an entry point, and every kind of hole.

use findings::*;

fn text(value: &str) -> String {
    value.to_owned()
}

fn place(app: &str, method: &str, code_unit: u32, calls: &str) -> Place {
    Place { app: text(app), method: text(method), code_unit, calls: text(calls) }
}

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|value| text(value)).collect()
}

fn step(hop: Hop, app: &str, method: &str, code_unit: u32, call: &str) -> Step {
    let file = if app == "org.example.reader" {
        "/system/priv-app/Reader/Reader.apk"
    } else {
        "/system/app/Poster/Poster.apk"
    };
    Step {
        hop,
        app: text(app),
        at: Location {
            container: text("ota.zip!system.img"),
            path: format!("{file}!classes.dex"),
            offset: Some(0x1000 + u64::from(code_unit) * 2),
        },
        method: text(method),
        code_unit,
        text: text(call),
    }
}

fn flow() -> Finding {
    let (reader, poster) = ("org.example.reader", "org.example.poster");
    let parts = FindingParts {
        axis: Axis::Takes,
        rank: 4,
        grade: text("content: messages, calls, sound, pictures, screen, files"),
        rule: text("content_leaves"),
        title: text("sends text messages to the network"),
        attack: texts(&["T1636.004", "T1646"]),
        app: text(poster),
        apps: texts(&[reader, poster]),
        source: Endpoint { kind: text("sms"), label: text("text messages"), details: texts(&["content://sms"]) },
        sink: Endpoint {
            kind: text("network"),
            label: text("the network"),
            details: texts(&["http://192.0.2.1/upload"]),
        },
        pairs: 3,
        places: vec![Places {
            source: place(
                reader,
                "Lorg/example/reader/Reader;->read()V",
                4,
                "Landroid/content/ContentResolver;->query",
            ),
            sink: place(poster, "Lorg/example/poster/Poster;->post()V", 9, "Ljava/io/OutputStream;->write"),
        }],
        confidence: Confidence { level: Level::Medium, reasons: texts(&["a call was joined by its name"]) },
        modifiers: Modifiers {
            transport: Transport::ClearHttp,
            reachable: true,
            triggers: texts(&["receiver org.example.poster.BootReceiver on android.intent.action.BOOT_COMPLETED"]),
            user: UserPart::NotNeeded,
            without_user: texts(&["receiver org.example.poster.BootReceiver on android.intent.action.BOOT_COMPLETED"]),
            operations: texts(&["DES with a constant key", "base64"]),
            carriers: texts(&["database messages", "provider content://org.example.info/msg"]),
            permissions: texts(&["the provider is exported without a permission: every app may read it"]),
        },
    };
    let query = "%3: Landroid/database/Cursor; = virtual Landroid/content/ContentResolver;->query(Landroid/net/Uri;)Landroid/database/Cursor; (%1, %2)";
    let steps = vec![
        step(Hop::Source, reader, "Lorg/example/reader/Job;->read()V", 0x10, query),
        step(
            Hop::Through,
            reader,
            "Lorg/example/reader/Job;->read()V",
            0x18,
            "%4 = interface Landroid/database/Cursor;->getString(I)Ljava/lang/String; (%3)",
        ),
        step(
            Hop::Database,
            reader,
            "Lorg/example/reader/Job;->read()V",
            0x20,
            "virtual Landroid/database/sqlite/SQLiteDatabase;->insert(Ljava/lang/String;)J (%5, %4)",
        ),
        step(Hop::Provider, poster, "Lorg/example/poster/Fetch;->run()V", 0x8, query),
        step(
            Hop::Through,
            poster,
            "Lorg/example/poster/Fetch;->run()V",
            0xc,
            "%7 = virtual Ljavax/crypto/Cipher;->doFinal([B)[B (%6, %5)  [DES with a constant key]",
        ),
        step(
            Hop::Sink,
            poster,
            "Lorg/example/poster/Fetch;->run()V",
            0x30,
            "virtual Ljava/io/OutputStream;->write([B)V (%8, %7)",
        ),
    ];
    Finding::new(text("0123456789abcdef"), parts, Proof::new(steps).unwrap())
}

fn unreached() -> Finding {
    let poster = "org.example.poster";
    let parts = FindingParts {
        axis: Axis::Obeys,
        rank: 3,
        grade: text("loads code or runs commands"),
        rule: text("server_runs_commands"),
        title: text("lets what a server sends reach a command"),
        attack: texts(&["T1623"]),
        app: text(poster),
        apps: texts(&[poster]),
        source: Endpoint { kind: text("network_input"), label: text("what a server sends"), details: Vec::new() },
        sink: Endpoint { kind: text("exec"), label: text("a command"), details: Vec::new() },
        pairs: 1,
        places: Vec::new(),
        confidence: Confidence {
            level: Level::Low,
            reasons: texts(&["no entry point was found that leads to every part of it"]),
        },
        modifiers: Modifiers {
            transport: Transport::Unknown,
            reachable: false,
            triggers: Vec::new(),
            user: UserPart::Acts,
            without_user: Vec::new(),
            operations: Vec::new(),
            carriers: Vec::new(),
            permissions: Vec::new(),
        },
    };
    let steps = vec![
        step(
            Hop::Source,
            poster,
            "Lorg/example/poster/Old;->run()V",
            4,
            "%1 = virtual Ljava/io/InputStream;->read()I (%0)",
        ),
        step(
            Hop::Sink,
            poster,
            "Lorg/example/poster/Old;->run()V",
            9,
            "virtual Ljava/lang/Runtime;->exec(Ljava/lang/String;)Ljava/lang/Process; (%2, %1)",
        ),
    ];
    Finding::new(text("fedcba9876543210"), parts, Proof::new(steps).unwrap())
}

fn grades(takes: u8) -> Vec<Grade> {
    let content = if takes == 0 { "nothing" } else { "content: messages, calls, sound, pictures, screen, files" };
    vec![
        Grade { axis: Axis::Takes, rank: takes, grade: text(content), doubtful_rank: 0 },
        Grade { axis: Axis::Obeys, rank: 0, grade: text("nothing"), doubtful_rank: takes.saturating_sub(1) },
        Grade { axis: Axis::Exposes, rank: 0, grade: text("nothing"), doubtful_rank: 0 },
    ]
}

fn supplier() -> Supplier {
    let evidence = |kind: &str, value: &str, weight_percent| Evidence {
        kind: text(kind),
        value: text(value),
        weight_percent,
        reference: text("RFC 5737"),
    };
    Supplier {
        id: text("example"),
        name: text("Example Supplier"),
        kind: text("update_service"),
        standing: Standing::Named,
        confidence_percent: 94,
        evidence: vec![
            evidence("certificate", "2e04a3c2ac9f0f7afd8220b5a133e18158240a428c75911e9ff2850b2869a925", 90),
            evidence("domain", "192.0.2.1", 40),
        ],
    }
}

/// Somebody for whom too little speaks to be named.
fn trace() -> Supplier {
    let mut weak = supplier();
    weak.id = text("weak");
    weak.name = text("Weakly Indicated Supplier");
    weak.standing = Standing::Trace;
    weak.confidence_percent = 30;
    weak.evidence.truncate(1);
    weak
}

fn party(role: &str, name: &str, by: &str) -> Party {
    Party {
        role: text(role),
        organisation: (role == "design_house").then(|| text("example_designs")),
        name: text(name),
        confidence_percent: 80,
        evidence: vec![Evidence {
            kind: text("property"),
            value: text(by),
            weight_percent: 80,
            reference: text("RFC 2606"),
        }],
    }
}

fn app(package: &str, path: &str, code: &str, takes: u8) -> AppRecord {
    AppRecord {
        package: text(package),
        label: Some(text("Wireless Update")),
        version_name: Some(text("4.3.1")),
        version_code: Some(431),
        path: text(path),
        container: text("ota.zip!system.img"),
        sha256: "ab".repeat(32),
        shared_user_id: Some(text("android.uid.system")),
        signers: vec![SignerRecord {
            certificate_sha256: "cd".repeat(32),
            subject: text("CN=Example, C=XX"),
            schemes: texts(&["v1"]),
            verified: if code == "read" { Ok(()) } else { Err(text("the digest of classes.dex does not match")) },
        }],
        permissions_held: texts(&["android.permission.INTERNET", "android.permission.READ_SMS"]),
        exposed_components: vec![ComponentRecord {
            kind: text("provider"),
            name: text("org.example.reader.InfoProvider"),
            permission: None,
            authorities: texts(&["org.example.info"]),
        }],
        code: text(code),
        instructions: 1_234_567,
        markers: texts(&["talks_http"]),
        present: if code == "read" { texts(&["turns the verifier of packages off"]) } else { Vec::new() },
        added: Some(package != "org.example.reader"),
        grades: grades(takes),
        suppliers: vec![supplier()],
        hidden_strings: vec![HiddenString {
            method: text("Lorg/example/poster/Hidden;->server()Ljava/lang/String;"),
            code_unit: 2,
            how: text("char array"),
            value: text("http://192.0.2.1"),
        }],
        native_methods: vec![NativeMethodRecord {
            method: text("org.example.poster.Native.run"),
            act: text("exec"),
            import: text("system"),
            library: format!("{path}!lib/armeabi/librun.so"),
            way: vec![NativeStep { offset: 0x1404, text: text("function 0x1405 calls system") }],
        }],
        carried: vec![CarriedRecord {
            path: format!("{path}!assets/plugin.apk"),
            package: text("org.example.plugin"),
            version_name: None,
            permissions: texts(&["android.permission.INTERNET"]),
            components: Vec::new(),
        }],
    }
}

fn line(container: &str, path: &str, kind: &str, outcome: Outcome) -> Coverage {
    Coverage { container: text(container), path: text(path), kind: text(kind), outcome }
}

/// A client of an update service.
fn update_client() -> UpdateClient {
    UpdateClient {
        package: text("org.example.poster"),
        path: text("/system/app/Poster/Poster.apk"),
        helper: Some(text("org.example.reader")),
        standing: text("present"),
        signed_by: text("third"),
        transport: Transport::ClearHttp,
        names_signature_check: false,
        installs_packages: true,
        told_by_push: false,
        comes_back: true,
        signed_with_public_key: false,
        constant_keys: vec![ConstantKey {
            app: text("org.example.poster"),
            algorithm: Some(text("DES")),
            key: text("NotSecret"),
            method: text("Lorg/example/poster/Post;->close([B)[B"),
            code_unit: 12,
        }],
    }
}

/// A key that everybody has.
fn public_key() -> PublicKeyRecord {
    PublicKeyRecord {
        certificate_sha256: "cd".repeat(32),
        known_as: text("a key of the examples"),
        signs_platform: false,
        signs_system_user: true,
        apps: texts(&["org.example.closed", "org.example.reader"]),
    }
}

/// Who signs updates.
fn update_key() -> UpdateKeyRecord {
    UpdateKeyRecord {
        path: text("/system/etc/security/otacerts.zip!testkey.x509.pem"),
        certificate_sha256: "ab".repeat(32),
        subject: text("CN=Example Releases"),
        known_as: Some(text("the public key of an example")),
        public: true,
    }
}

/// The report.
pub(crate) fn report() -> Report {
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: text("tidewaiter"), version: text("0.1.0"), knowledge: "00".repeat(32) },
        inputs: vec![Input { name: text("ota.zip"), len: 1_234_567_890 }],
        identity: Identity {
            brand: Some(text("Example")),
            manufacturer: Some(text("Example Maker")),
            model: Some(text("Fixture One")),
            device: Some(text("fixture_one")),
            fingerprint: Some(text("Example/fixture_one/fixture_one:6.0/MRA58K/1:user/release-keys")),
            android: Some(text("6.0")),
            api_level: Some(23),
            built_utc_seconds: Some(1_466_640_000),
            security_patch: Some(text("2016-06-01")),
            platform_certificate: Some("cd".repeat(32)),
        },
        grades: grades(4),
        findings: vec![flow(), unreached()],
        suppliers: vec![supplier(), trace()],
        parties: vec![
            party("brand", "Example", "ro.product.brand=Example"),
            party("design_house", "Example Designs", "ro.update.oem=exampledesigns6735_6.0"),
        ],
        update_clients: vec![update_client()],
        public_keys: vec![public_key()],
        update_keys: vec![update_key()],
        baseline: Some(BaselineRecord {
            name: text("AOSP 6"),
            same_api_level: true,
            added: 2,
            score: Some(ScoreRecord {
                platform_hundredths: 150,
                permissions_hundredths: 75,
                cleartext_hundredths: 50,
                total_hundredths: 275,
            }),
            outliers: vec![OutlierRecord {
                package: text("org.example.poster"),
                weight_tenths: 1075,
                permissions: texts(&["android.permission.INSTALL_PACKAGES"]),
            }],
        }),
        rule_matches: Some(rule_matches()),
        apps: vec![
            app("org.example.poster", "/system/app/Poster/Poster.apk", "read", 4),
            app("org.example.closed", "/system/app/Closed/Closed.apk", "opaque", 0),
            app("org.example.reader", "/system/priv-app/Reader/Reader.apk", "partial", 0),
        ],
        coverage: vec![
            line("", "ota.zip", "zip", Outcome::Read(text("12 entries"))),
            line("ota.zip", "system.img", "ext4", Outcome::Partial(texts(&["2,845 files read", "1 absent"]))),
            line(
                "ota.zip",
                "vendor.img",
                "erofs",
                Outcome::Unread(text("mark of erofs at 0x400: this format is not read")),
            ),
            line("ota.zip", "modem.bin", "file", Outcome::Unknown),
            line(
                "ota.zip!system.img",
                "/system/app/Closed/Closed.apk",
                "code",
                Outcome::Unread(text("class data at 0x120: encrypted")),
            ),
            line("ota.zip!system.img", "/system/framework/services.jar", "file", Outcome::Unread(text("absent"))),
        ],
        statistics: Statistics {
            files: 2_845,
            apps: 3,
            apps_opaque: 1,
            methods: 20_123,
            instructions: 1_234_567,
            cuts: vec![(text("targets of one call"), 7)],
        },
    }
}

fn rule_matches() -> RuleMatches {
    RuleMatches {
        digest: "ef".repeat(32),
        rules: 2,
        files: 3_012,
        matches: vec![RuleMatch {
            container: text("ota.zip!system.img"),
            path: text("/system/app/Poster/Poster.apk!classes.dex"),
            app: Some(text("org.example.poster")),
            rule_file: text("posters.yar"),
            rule: text("ExamplePoster"),
            tags: texts(&["android"]),
            meta: vec![(text("author"), text("Example Researchers"))],
            places: vec![RulePlace { offset: 0x1234, len: 9, text: text("$upload") }],
            places_found: 12,
        }],
    }
}
