//! Writes DEX files, one or a container of several. Written from the "Dalvik Executable format" document.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Default)]
pub struct Class {
    pub name: String,
    pub access: u32,
    pub superclass: Option<String>,
    pub interfaces: Vec<String>,
    pub methods: Vec<Method>,
}

#[derive(Clone)]
pub struct Method {
    pub name: String,
    /// Parameters and return type.
    pub prototype: (Vec<String>, String),
    pub access: u32,
    /// Registers and code units.
    pub code: Option<(u16, Vec<u16>)>,
}

pub const RETURN_VOID: u16 = 0x000e;

/// `Lname;`, below `superclass`.
pub fn class(name: &str, superclass: &str, interfaces: &[&str]) -> Class {
    Class {
        name: name.into(),
        access: 1,
        superclass: Some(superclass.into()),
        interfaces: interfaces.iter().map(|name| (*name).into()).collect(),
        methods: Vec::new(),
    }
}

/// An interface.
pub fn interface(name: &str, above: &[&str]) -> Class {
    Class { access: 0x601, ..class(name, "Ljava/lang/Object;", above) }
}

impl Class {
    /// Adds `name()V` with code that returns.
    pub fn method(self, name: &str) -> Self {
        self.method_with(name, 1, Some((1, vec![RETURN_VOID])))
    }

    /// Adds `name()V` without code.
    pub fn abstract_method(self, name: &str) -> Self {
        self.method_with(name, 0x401, None)
    }

    pub fn method_with(mut self, name: &str, access: u32, code: Option<(u16, Vec<u16>)>) -> Self {
        self.methods.push(Method { name: name.into(), prototype: (Vec::new(), "V".into()), access, code });
        self
    }
}

type Prototype = (Vec<String>, String);

/// The sorted tables of one file.
#[derive(Default)]
struct Tables {
    strings: Vec<String>,
    types: Vec<String>,
    prototypes: Vec<Prototype>,
    methods: Vec<(String, String, Prototype)>,
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    items.into_iter().collect::<BTreeSet<_>>().into_iter().collect()
}

fn index<T: Ord>(table: &[T], item: &T) -> u32 {
    table.binary_search(item).unwrap_or_else(|_| panic!("not in the table")) as u32
}

fn shorty((parameters, return_type): &Prototype) -> String {
    let letter = |ty: &String| if ty.starts_with('[') { 'L' } else { ty.chars().next().unwrap() };
    std::iter::once(return_type).chain(parameters).map(letter).collect()
}

impl Tables {
    fn of(classes: &[Class]) -> Self {
        let mut types = BTreeSet::new();
        let mut strings = BTreeSet::new();
        let mut prototypes = BTreeSet::new();
        let mut methods = BTreeSet::new();
        for class in classes {
            types.extend(
                [class.name.clone()].into_iter().chain(class.superclass.clone()).chain(class.interfaces.clone()),
            );
            for method in &class.methods {
                types.extend(method.prototype.0.iter().cloned().chain([method.prototype.1.clone()]));
                strings.extend([method.name.clone(), shorty(&method.prototype)]);
                prototypes.insert(method.prototype.clone());
                methods.insert((class.name.clone(), method.name.clone(), method.prototype.clone()));
            }
        }
        strings.extend(types.iter().cloned());
        let mut tables = Self { strings: sorted(strings), types: sorted(types), ..Self::default() };
        tables.prototypes = prototypes.into_iter().collect();
        let order = |(parameters, return_type): &Prototype| {
            let parameters: Vec<u32> = parameters.iter().map(|ty| index(&tables.types, ty)).collect();
            (index(&tables.types, return_type), parameters)
        };
        let mut in_order = std::mem::take(&mut tables.prototypes);
        in_order.sort_by_key(order);
        tables.prototypes = in_order;
        tables.methods = methods.into_iter().collect();
        tables
    }

    fn prototype(&self, prototype: &Prototype) -> u32 {
        self.prototypes.iter().position(|known| known == prototype).unwrap() as u32
    }

    fn bytes(&self, class_count: usize) -> usize {
        4 * self.strings.len()
            + 4 * self.types.len()
            + 12 * self.prototypes.len()
            + 8 * self.methods.len()
            + 32 * class_count
    }
}

fn uleb(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn align(out: &mut Vec<u8>) {
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// One DEX file.
pub fn write(version: &str, classes: &[Class]) -> Vec<u8> {
    write_container(version, &[classes.to_vec()])
}

/// Several DEX files that share their data; before version 041 there can be only one.
pub fn write_container(version: &str, files: &[Vec<Class>]) -> Vec<u8> {
    let header_bytes = if version >= "041" { 0x78 } else { 0x70 };
    let tables: Vec<Tables> = files.iter().map(|classes| Tables::of(classes)).collect();
    let sizes: Vec<usize> =
        files.iter().zip(&tables).map(|(it, tables)| header_bytes + tables.bytes(it.len())).collect();
    let mut out = vec![0; sizes.iter().sum()];
    let mut strings = BTreeMap::new();
    for text in tables.iter().flat_map(|tables| &tables.strings) {
        strings.entry(text.as_str()).or_insert_with(|| {
            let at = out.len() as u32;
            uleb(text.encode_utf16().count() as u32, &mut out);
            out.extend(text.as_bytes());
            out.push(0);
            at
        });
    }
    let mut start = 0;
    for (number, (classes, tables)) in files.iter().zip(&tables).enumerate() {
        let ids = write_ids(classes, tables, &strings, &mut out);
        let at = start + header_bytes;
        out[at..at + ids.len()].copy_from_slice(&ids);
        start += sizes[number];
    }
    align(&mut out);
    let mut start = 0;
    for (number, (classes, tables)) in files.iter().zip(&tables).enumerate() {
        let is_last = number + 1 == files.len();
        let file_size = if is_last { out.len() - start } else { sizes[number] };
        let header = write_header(version, start, file_size, out.len(), classes.len(), tables);
        out[start..start + header.len()].copy_from_slice(&header);
        let sum = adler32(&out[start + 12..start + file_size]);
        out[start + 8..start + 12].copy_from_slice(&sum.to_le_bytes());
        start += sizes[number];
    }
    out
}

fn write_header(
    version: &str,
    start: usize,
    file_size: usize,
    all: usize,
    class_count: usize,
    tables: &Tables,
) -> Vec<u8> {
    let header_bytes = if version >= "041" { 0x78 } else { 0x70 };
    let mut header = format!("dex\n{version}\0").into_bytes();
    header.resize(32, 0);
    words(&mut header, &[file_size as u32, header_bytes, 0x1234_5678, 0, 0, 0]);
    let mut at = start as u32 + header_bytes;
    let counts = [
        (tables.strings.len(), 4),
        (tables.types.len(), 4),
        (tables.prototypes.len(), 12),
        (0, 8),
        (tables.methods.len(), 8),
        (class_count, 32),
    ];
    for (count, size) in counts {
        words(&mut header, &[count as u32, if count == 0 { 0 } else { at }]);
        at += count as u32 * size;
    }
    words(&mut header, &[0, 0]);
    if header_bytes == 0x78 {
        words(&mut header, &[all as u32, start as u32]);
    }
    header
}

/// Appends the data of one file to `out`; its identifier tables and class definitions.
fn write_ids(classes: &[Class], tables: &Tables, strings: &BTreeMap<&str, u32>, out: &mut Vec<u8>) -> Vec<u8> {
    let mut ids = Vec::new();
    for text in &tables.strings {
        words(&mut ids, &[strings[text.as_str()]]);
    }
    for ty in &tables.types {
        words(&mut ids, &[index(&tables.strings, ty)]);
    }
    for prototype in &tables.prototypes {
        let parameters = write_type_list(&prototype.0, tables, out);
        let shorty = index(&tables.strings, &shorty(prototype));
        words(&mut ids, &[shorty, index(&tables.types, &prototype.1), parameters]);
    }
    let prototypes: BTreeMap<&Prototype, u32> = tables.prototypes.iter().map(|it| (it, tables.prototype(it))).collect();
    for (class, name, prototype) in &tables.methods {
        words(&mut ids, &[index(&tables.types, class) | prototypes[prototype] << 16, index(&tables.strings, name)]);
    }
    for class in classes {
        let interfaces = write_type_list(&class.interfaces, tables, out);
        let data = write_class_data(class, tables, out);
        let superclass = class.superclass.as_ref().map_or(u32::MAX, |name| index(&tables.types, name));
        let ty = index(&tables.types, &class.name);
        words(&mut ids, &[ty, class.access, superclass, interfaces, u32::MAX, 0, data, 0]);
    }
    ids
}

fn write_type_list(list: &[String], tables: &Tables, out: &mut Vec<u8>) -> u32 {
    if list.is_empty() {
        return 0;
    }
    align(out);
    let at = out.len() as u32;
    words(out, &[list.len() as u32]);
    out.extend(list.iter().flat_map(|ty| (index(&tables.types, ty) as u16).to_le_bytes()));
    at
}

fn write_class_data(class: &Class, tables: &Tables, out: &mut Vec<u8>) -> u32 {
    let mut lists = [Vec::new(), Vec::new()];
    for method in &class.methods {
        let key = (class.name.clone(), method.name.clone(), method.prototype.clone());
        let code = method.code.as_ref().map_or(0, |(registers, units)| {
            align(out);
            let at = out.len() as u32;
            let ins = u16::from(method.access & 8 == 0);
            out.extend([*registers, ins, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
            words(out, &[0, units.len() as u32]);
            out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
            at
        });
        // Static and private methods and constructors are direct.
        let is_direct = method.access & 0x1_000a != 0;
        lists[usize::from(!is_direct)].push((index(&tables.methods, &key), method.access, code));
    }
    let at = out.len() as u32;
    uleb(0, out);
    uleb(0, out);
    lists.iter().for_each(|list| uleb(list.len() as u32, out));
    for mut list in lists {
        list.sort_unstable();
        let mut previous = 0;
        for (method, access, code) in list {
            uleb(method - previous, out);
            uleb(access, out);
            uleb(code, out);
            previous = method;
        }
    }
    at
}

/// As RFC 1950 defines it.
pub fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u64, 0_u64), |(low, high), &byte| {
        let low = (low + u64::from(byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    (high << 16 | low) as u32
}
