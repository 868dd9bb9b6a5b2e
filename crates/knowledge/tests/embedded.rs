//! The knowledge that comes with the program: whole, consistent, and what published documents say.

use std::collections::{BTreeMap, BTreeSet};

use knowledge::{Axis, EvidenceKind, Knowledge, NativeSource, Problem, Role, SourceKind};

fn embedded() -> Result<Knowledge, Problem> {
    Knowledge::embedded()
}

#[test]
fn the_embedded_files_load_and_are_many() {
    let knowledge = embedded().unwrap();
    assert!(knowledge.models.len() > 2500, "{} models", knowledge.models.len());
    assert!(knowledge.hierarchy.len() > 1000, "{} classes", knowledge.hierarchy.len());
    assert!(knowledge.callbacks.len() > 150, "{} callbacks", knowledge.callbacks.len());
    assert!(knowledge.entry_points.len() > 80, "{} entry points", knowledge.entry_points.len());
}

#[test]
fn every_sentence_of_a_model_is_written_as_it_is_read() {
    for model in &embedded().unwrap().models {
        model.flows.iter().for_each(|it| assert_eq!(it.to_string().parse().as_ref(), Ok(it), "{}", model.at));
        model.texts.iter().for_each(|it| assert_eq!(it.to_string().parse().as_ref(), Ok(it), "{}", model.at));
        model.origins.iter().for_each(|it| assert_eq!(it.to_string().parse().as_ref(), Ok(it), "{}", model.at));
        model.sources.iter().for_each(|it| assert_eq!(it.to_string().parse().as_ref(), Ok(it), "{}", model.at));
        model.sinks.iter().for_each(|it| assert_eq!(it.to_string().parse().as_ref(), Ok(it), "{}", model.at));
        model.invokes.iter().for_each(|it| assert_eq!(it.to_string().parse().as_ref(), Ok(it), "{}", model.at));
    }
}

#[test]
fn every_data_kind_but_those_of_no_rank_is_the_source_of_a_rule() {
    let knowledge = embedded().unwrap();
    let used: BTreeSet<&String> = knowledge.rules.iter().flat_map(|rule| &rule.sources).collect();
    let ranked = knowledge.data_kinds.iter().filter(|(_, kind)| kind.rank > 0);
    let unused: Vec<&String> = ranked.map(|(name, _)| name).filter(|name| !used.contains(name)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn every_data_kind_is_produced_somewhere() {
    let knowledge = embedded().unwrap();
    let mut made: BTreeSet<String> = BTreeSet::from(["external_intent".to_owned(), "external_result".to_owned()]);
    made.extend(knowledge.providers.iter().map(|provider| provider.kind.clone()));
    made.extend(knowledge.tables.values().flat_map(|table| &table.rows).map(|(_, kind)| kind.clone()));
    made.extend(knowledge.static_fields.values().filter_map(|field| field.source.clone()));
    let roles = knowledge.entry_points.iter().flat_map(|it| &it.parameters);
    for role in roles.chain(knowledge.callbacks.iter().flat_map(|it| &it.parameters)) {
        if let Role::Kind(kind) = role {
            made.insert(kind.clone());
        }
    }
    for source in knowledge.models.iter().flat_map(|model| &model.sources) {
        if let SourceKind::Fixed(kind) = &source.kind {
            made.insert(kind.clone());
        }
    }
    made.extend(knowledge.native_facts.iter().filter_map(|fact| match &fact.source {
        NativeSource::Kind(kind) => Some(kind.clone()),
        NativeSource::Channel(_) => None,
    }));
    let never: Vec<&String> = knowledge.data_kinds.keys().filter(|kind| !made.contains(*kind)).collect();
    assert!(never.is_empty(), "{never:?}");
}

#[test]
fn what_leaves_is_ranked_as_its_kind_says() {
    let knowledge = embedded().unwrap();
    for rule in knowledge.rules.iter().filter(|rule| rule.axis == Axis::Takes) {
        for kind in &rule.sources {
            assert_eq!(knowledge.data_kinds[kind].rank, rule.rank, "{kind} in {}", rule.id);
        }
    }
    assert_eq!(knowledge.grade(Axis::Takes, 0), "nothing");
    assert_eq!(knowledge.grade(Axis::Obeys, 4), "runs commands as system");
    assert!(knowledge.rules.iter().all(|rule| !rule.grade.is_empty()));
}

#[test]
fn hidden_and_named_addresses_of_providers_mean_the_same() {
    let knowledge = embedded().unwrap();
    let field = |name: &str| knowledge.static_fields[name].text.clone().unwrap();
    let calls = field("Landroid/provider/CallLog$Calls;->CONTENT_URI:Landroid/net/Uri;");
    assert_eq!(calls, "content://call_log/calls");
    assert_eq!(knowledge.provider_kind(&calls), Some("call_log"));
    for (uri, kind) in [
        ("content://sms", Some("sms")),
        ("content://sms/inbox?limit=1", Some("sms")),
        ("content://mms-sms/conversations", Some("sms")),
        ("content://10@call_log/calls", Some("call_log")),
        ("content://contacts/people", Some("contacts")),
        ("content://contacts/calls", Some("call_log")),
        ("content://contacts/callsign", Some("contacts")),
        ("content://icc/adn", Some("contacts")),
        ("content://telephony/carriers/preferapn", Some("cell")),
        ("content://media/external/images/media", Some("media")),
        ("content://settings/secure/android_id", Some("device_id")),
        ("content://settings/system", None),
        ("content://org.example.notes/all", None),
        ("http://sms/inbox", None),
    ] {
        assert_eq!(knowledge.provider_kind(uri), kind, "{uri}");
    }
}

#[test]
fn names_of_properties_settings_files_and_commands_decide_the_kind() {
    let knowledge = embedded().unwrap();
    for (table, text, kind) in [
        ("system_properties", "ro.serialno", Some("device_id")),
        ("system_properties", "persist.sys.vendor_imei1", Some("device_id")),
        ("system_properties", "ro.build.display.id", None),
        ("settings", "android_id", Some("device_id")),
        ("settings", "screen_brightness", None),
        ("files", "/sys/class/net/wlan0/address", Some("mac_address")),
        ("files", "/proc/cpuinfo", None),
        ("commands", "cat /sys/class/net/eth0/address", Some("mac_address")),
        ("commands", "ls /system/bin", None),
    ] {
        assert_eq!(knowledge.table_kind(table, text), kind, "{table} {text}");
    }
}

#[test]
fn descriptors_are_well_formed() {
    let knowledge = embedded().unwrap();
    let good = |text: &str| {
        text.starts_with('L') && text.ends_with(';') && !text.contains('.') && text.len() > 2 && !text.contains("//")
    };
    for model in &knowledge.models {
        assert!(good(&model.class), "{}", model.at);
        assert_eq!(model.methods.len(), 1, "{}", model.at);
    }
    for (class, supers) in &knowledge.hierarchy {
        assert!(good(class) && !supers.is_empty() && supers.iter().all(|name| good(name)), "{class}");
    }
}

#[test]
fn the_class_hierarchy_has_no_circle() {
    let knowledge = embedded().unwrap();
    for start in knowledge.hierarchy.keys() {
        let mut seen = BTreeSet::new();
        let mut pending = vec![start];
        while let Some(class) = pending.pop() {
            for above in knowledge.hierarchy.get(class).into_iter().flatten() {
                assert_ne!(above, start, "{start} is above itself");
                if seen.insert(above) {
                    pending.push(above);
                }
            }
        }
    }
}

#[test]
fn suppliers_have_references_and_no_certificate_or_package_of_another() {
    let knowledge = embedded().unwrap();
    let mut owners = BTreeMap::new();
    for supplier in &knowledge.suppliers {
        assert!(!supplier.references.is_empty(), "{}", supplier.id);
        assert!(!supplier.evidence.is_empty(), "{}", supplier.id);
        for piece in &supplier.evidence {
            assert!(!piece.reference.is_empty(), "{} {}", supplier.id, piece.pattern);
            let before = owners.insert((piece.kind, piece.pattern.clone()), supplier.id.clone());
            assert_eq!(before, None, "{:?} {}", piece.kind, piece.pattern);
        }
    }
}

#[test]
fn a_default_of_the_build_tree_is_no_evidence() {
    let knowledge = embedded().unwrap();
    let pieces = || knowledge.suppliers.iter().flat_map(|supplier| &supplier.evidence);
    let speaks = |kind: EvidenceKind, value: &str| pieces().any(|piece| piece.kind == kind && piece.matches(value));
    assert!(!speaks(EvidenceKind::Property, "ro.fota.oem=MTK_KK"));
    assert!(speaks(EvidenceKind::Property, "ro.fota.oem=gionee6735_6.0"));
    let certificate = "41ab7d45f55fb889029099e98c6800418a6e9f80da84ba92c9d5277373732390";
    assert!(speaks(EvidenceKind::Certificate, &certificate.to_ascii_uppercase()));
    // The test key of the platform signs apps of anybody.
    assert!(!speaks(EvidenceKind::Certificate, "c8a2e9bccf597c2fb6dc66bee293fc13f2fc47ec77bc6b2b0d52c11f51192ab8"));
}

#[test]
fn a_domain_stands_for_what_is_below_it_only() {
    let knowledge = embedded().unwrap();
    let domains: Vec<_> = knowledge
        .suppliers
        .iter()
        .flat_map(|supplier| &supplier.evidence)
        .filter(|piece| piece.kind == EvidenceKind::Domain)
        .collect();
    let known = |host: &str| domains.iter().any(|piece| piece.matches(host));
    assert!(known("bigdata.adups.com") && known("ADUPS.com"));
    assert!(!known("notadups.com") && !known("adups.com.example.org"));
}

#[test]
fn a_provider_answers_its_caller() {
    let knowledge = embedded().unwrap();
    let signature = "(Landroid/net/Uri;[Ljava/lang/String;Ljava/lang/String;[Ljava/lang/String;Ljava/lang/String;)";
    let query = knowledge.entry_points.iter().find(|it| it.component == "provider" && it.signature == signature);
    let query = query.unwrap();
    assert_eq!((query.method.as_str(), query.reply, query.operation.as_deref()), ("query", true, Some("query")));
    assert_eq!(query.parameters[0], Role::Uri);
}

#[test]
fn the_published_list_of_makers_is_whole_with_kind_and_source() {
    let knowledge = embedded().unwrap();
    let by = "Trustlook, December 2016";
    let listed: Vec<_> = knowledge
        .organisations
        .iter()
        .filter_map(|organisation| Some((organisation, organisation.named.iter().find(|named| named.by == by)?)))
        .collect();
    assert_eq!(listed.len(), 43);
    for (organisation, named) in listed {
        assert!(!organisation.kinds.is_empty(), "{}", organisation.id);
        assert!(named.reference.starts_with("https://"), "{}: {}", organisation.id, named.reference);
        assert!(!organisation.references.is_empty(), "{}", organisation.id);
    }
}
