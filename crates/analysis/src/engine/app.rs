//! One app under analysis: what every method's analysis shares.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    sync::Arc,
};

use code::{Body, FieldId, InvokeKind, MethodId, Op, Program, TypeId};
use knowledge::{Knowledge, Model, Role};
use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use super::{
    actions::HandedOn,
    bundled,
    classes::Classes,
    export::AppInput,
    native::{self, NativeMethods},
    platform::Platform,
    roots,
    uris::Route,
    user_acts::UserActs,
};
use crate::{
    constants::{Bodies, Constant, Interpreter, Limits, StaticWrites},
    domain::{
        Tables,
        path::{PathId, PatternKey, Step},
        summary::{Assumptions, Effect, Summaries, Summary},
        tags::Operations,
        text::{Constants, Symbol},
        value::ObjectKey,
    },
    kinds::Kinds,
};

/// More classes than this stored in one field are "any".
const FIELD_CLASSES_MAX: usize = 4;

/// Cycles of more methods than this get less work per method and fewer rounds.
pub(crate) const LARGE_CYCLE_METHODS: usize = 40;

/// Platform classes whose objects stand for the system, not for data: what they refer to does not leak through them. What
/// code wants of their fields it reads by these.
const INERT: [&str; 10] = [
    "Landroid/content/Context;",
    "Landroid/view/View;",
    "Landroid/app/Fragment;",
    "Landroid/support/v4/app/Fragment;",
    "Landroidx/fragment/app/Fragment;",
    "Landroid/app/Dialog;",
    "Landroid/os/Handler;",
    "Landroid/os/Looper;",
    "Ljava/lang/Thread;",
    "Ljava/lang/ClassLoader;",
];

/// What a call may lead to, before anything is known of its receiver.
#[derive(Debug, Default)]
pub(crate) struct CallInfo<'a> {
    /// Model of the library method that is named, of the nearest class that has one.
    pub(crate) model: Option<&'a Model>,
    /// Whether the model speaks of the very class that the app brings along: it then replaces its code.
    pub(crate) model_replaces_code: bool,
    /// The method of the app that the name resolves to.
    pub(crate) implementation: Option<MethodId>,
    /// Methods of the app that may override it, of classes the app creates.
    pub(crate) overriders: Vec<MethodId>,
}

/// Methods that the platform calls back, with what it passes.
pub(crate) type Callbacks = Rc<[(MethodId, Vec<Role>)]>;

/// One app under analysis.
pub(crate) struct App<'a> {
    pub(crate) program: &'a Program,
    pub(crate) knowledge: &'a Knowledge,
    pub(crate) kinds: &'a Kinds,
    /// Actions that the image lets nobody but the platform broadcast.
    pub(crate) broadcasts: &'a BTreeSet<String>,
    /// Which texts that methods are given are actions of intents.
    pub(crate) handed_on: HandedOn,
    pub(crate) classes: Classes<'a>,
    /// What native methods may do.
    pub(crate) native_methods: NativeMethods<'a>,
    pub(crate) interpreter: Interpreter<'a>,
    bodies: &'a dyn Bodies,
    /// The text of a resource of the app, by number; of a view, what is typed into it.
    pub(crate) resource_text: &'a dyn Fn(u32) -> Option<String>,
    pub(crate) tables: Tables,
    pub(crate) summaries: Summaries,
    /// What each method does to the world with data it gets itself.
    pub(crate) facts: FxHashMap<MethodId, Vec<Effect>>,
    /// Who calls whom, as far as the analysis followed.
    pub(crate) calls: FxHashMap<MethodId, BTreeSet<MethodId>>,
    /// Methods in the cycle that is being summarised.
    pub(crate) cycle_methods: usize,
    /// Tags moved so far: what budgets are counted in, since time would not be the same twice.
    pub(crate) work: u64,
    /// Classes each method creates objects of.
    pub(crate) creates: FxHashMap<MethodId, Vec<TypeId>>,
    /// Classes that code names as such or by a text, and may make objects of that way.
    pub(crate) made_by_name: FxHashSet<TypeId>,
    /// What is called for the user.
    pub(crate) user_acts: UserActs,
    /// Limits reached, by name.
    pub(crate) cuts: BTreeMap<&'static str, u64>,
    /// Exact classes of the objects stored in a field; empty: not known.
    pub(crate) field_classes: FxHashMap<FieldId, SmallVec<[TypeId; 2]>>,
    /// What a static field was found to hold, once asked.
    pub(crate) static_constants: FxHashMap<FieldId, Option<Constant>>,
    /// What text each field was found to be given, anywhere.
    pub(crate) field_texts: FxHashMap<FieldId, Constants>,
    /// Operations on data, by their words.
    pub(crate) operations: Vec<Rc<str>>,
    /// Entries of the matchers of URIs, sorted.
    pub(crate) routes: Vec<Route>,
    /// Summaries for callers that know the classes of some inputs; `None` while being made.
    pub(crate) specialised: FxHashMap<(MethodId, Assumptions), Option<Rc<Summary>>>,
    /// How many of them are being made within each other.
    pub(crate) specialising: u32,
    /// Fields written by methods that no life of a component is sure to come to.
    pub(crate) outside_writes: FxHashSet<FieldId>,
    /// What the platform calls on objects of a class that it was given, with what it passes.
    callbacks: FxHashMap<TypeId, Callbacks>,
    /// Classes that the knowledge has callbacks of, by descriptor.
    listeners: FxHashSet<&'a str>,
    declared: Vec<FieldId>,
    /// Key of what a holder's entries were put in from.
    pub(crate) from_key: PatternKey,
    plain: Vec<bool>,
    followed: Vec<bool>,
    texted: Vec<bool>,
    callable: FxHashMap<TypeId, bool>,
    inert: FxHashMap<TypeId, bool>,
    call_infos: FxHashMap<(MethodId, InvokeKind), Rc<CallInfo<'a>>>,
    /// Methods of bundled library classes that were recognised without their names.
    recognised: FxHashMap<MethodId, &'a Model>,
    telling: bundled::TellingTexts,
}

impl<'a> App<'a> {
    pub(crate) fn new(input: AppInput<'a>) -> Self {
        let AppInput { program, knowledge, kinds, bodies, text, libraries, framework, broadcasts, .. } = input;
        let platform = Platform::new(knowledge, framework);
        let classes = Classes::new(program, platform);
        let native_methods = native::resolve(libraries, program, &classes, knowledge, kinds);
        let plain = (0..program.type_count()).map(|ty| is_plain(program.descriptor(TypeId(ty as u32)))).collect();
        let mut tables = Tables::default();
        let from_key = tables.patterns.literal("#from").0;
        let mut app = Self {
            program,
            knowledge,
            kinds,
            broadcasts,
            handed_on: HandedOn::default(),
            classes,
            native_methods,
            interpreter: Interpreter::new(program, bodies, Limits::default()),
            bodies,
            resource_text: text,
            tables,
            from_key,
            summaries: Summaries::default(),
            facts: FxHashMap::default(),
            calls: FxHashMap::default(),
            cycle_methods: 1,
            work: 0,
            creates: FxHashMap::default(),
            made_by_name: FxHashSet::default(),
            user_acts: UserActs::default(),
            cuts: BTreeMap::new(),
            field_classes: FxHashMap::default(),
            static_constants: FxHashMap::default(),
            field_texts: FxHashMap::default(),
            routes: Vec::new(),
            operations: Vec::new(),
            specialised: FxHashMap::default(),
            specialising: 0,
            texted: texted_fields(program),
            outside_writes: FxHashSet::default(),
            callbacks: FxHashMap::default(),
            listeners: knowledge.callbacks.iter().map(|callback| callback.class.as_str()).collect(),
            declared: declared_fields(program),
            plain,
            followed: Vec::new(),
            callable: FxHashMap::default(),
            inert: FxHashMap::default(),
            call_infos: FxHashMap::default(),
            recognised: FxHashMap::default(),
            telling: bundled::TellingTexts::new(program, knowledge),
        };
        app.followed = app.followed_fields();
        app
    }

    fn followed_fields(&self) -> Vec<bool> {
        let fields = (0..self.program.field_count()).map(|field| FieldId(field as u32));
        fields
            .map(|field| is_followed(self.program, field) && self.is_own(field) && !self.is_of_holder(field))
            .collect()
    }

    /// Whether a field is of a class of the app. Objects of the platform's classes with open fields are records that the platform hands out
    /// or takes, of whatever it is asked for: those that the app fills are others than those it reads.
    fn is_own(&self, field: FieldId) -> bool {
        self.program.field(field).is_some_and(|field| self.program.class_of(field.class).is_some())
    }

    /// Whether a field belongs to a data structure: a class whose objects are seen as one of the platform's holders.
    /// Such a class, too, serves every purpose of the app.
    fn is_of_holder(&self, field: FieldId) -> bool {
        const HOLDERS: [&str; 4] =
            ["Ljava/lang/Iterable;", "Ljava/util/Map;", "Ljava/util/Map$Entry;", "Ljava/util/Iterator;"];
        let class = self.program.field(field).map(|field| field.class);
        let ancestors = class.map(|class| self.classes.ancestors(class));
        ancestors.is_some_and(|above| above.iter().any(|above| HOLDERS.contains(&above.as_str())))
    }

    /// Work that one pass over a method may cost (tags and objects moved); beyond, the rest of it is approximated. In a
    /// large cycle every method is gone through several times, and most of the work is the cycle feeding itself.
    pub(crate) const fn method_work_max(&self, instructions: usize) -> u64 {
        let (base, each) = if self.cycle_methods > LARGE_CYCLE_METHODS { (2_000, 50) } else { (20_000, 200) };
        base + each * instructions as u64
    }

    /// The body of a method, if it has one that can be read.
    pub(crate) fn body(&self, method: MethodId) -> Option<Arc<Body>> {
        self.bodies.body(method)
    }

    /// Counts a limit that was reached.
    pub(crate) fn cut(&mut self, name: &'static str) {
        *self.cuts.entry(name).or_default() += 1;
    }

    /// Whether values of a type have no parts: numbers, strings, class literals.
    pub(crate) fn is_plain(&self, ty: TypeId) -> bool {
        self.plain.get(ty.index()).copied().unwrap_or(false)
    }

    /// Whether objects of a class stand for the system.
    pub(crate) fn is_inert(&mut self, ty: TypeId) -> bool {
        let classes = &self.classes;
        *self.inert.entry(ty).or_insert_with(|| INERT.iter().any(|inert| classes.is_below(ty, inert)))
    }

    /// Whether the platform may call methods of such an object once it holds one.
    pub(crate) fn is_callable(&mut self, ty: TypeId) -> bool {
        let classes = &self.classes;
        *self.callable.entry(ty).or_insert_with(|| !classes.platform_callable(ty).is_empty())
    }

    /// What the platform calls on an object of a class that it was given, as far as the knowledge speaks of it.
    pub(crate) fn callbacks_of(&mut self, ty: TypeId) -> Rc<[(MethodId, Vec<Role>)]> {
        if let Some(known) = self.callbacks.get(&ty) {
            return Rc::clone(known);
        }
        let found: Rc<[(MethodId, Vec<Role>)]> = roots::callbacks_of(self, ty).into();
        self.callbacks.insert(ty, Rc::clone(&found));
        found
    }

    /// Whether what is declared to be of this class may be an object that the platform calls back.
    pub(crate) fn is_listener(&mut self, ty: TypeId) -> bool {
        self.listeners.contains(self.program.descriptor(ty)) || !self.callbacks_of(ty).is_empty()
    }

    /// Whether the knowledge has callbacks of a class.
    pub(crate) fn has_callbacks(&self, descriptor: &str) -> bool {
        self.listeners.contains(descriptor)
    }

    /// Notes the fields that are written where no life is sure to come: by methods of objects whose callbacks nothing is
    /// known of, and by code that nothing leads to.
    pub(crate) fn find_outside_writes(&mut self, certain: &FxHashSet<MethodId>) {
        let uncertain = self.summaries.iter().filter(|(method, _)| !certain.contains(method));
        let objects = uncertain.flat_map(|(_, summary)| &summary.objects);
        let inputs = objects.filter(|(key, _)| matches!(key, ObjectKey::Input(_)));
        let steps = inputs.flat_map(|(_, object)| object.parts.keys());
        self.outside_writes
            .extend(steps.filter_map(|step| if let Step::Field(field) = step { Some(field) } else { None }));
    }

    /// Whether data is followed through a field by its name, that is: from any object of the class to any other.
    pub(crate) fn is_followed(&self, field: FieldId) -> bool {
        self.followed.get(field.index()).copied().unwrap_or(false)
    }

    /// The set of one operation.
    pub(crate) fn operation(&mut self, words: &Rc<str>) -> Operations {
        let known = self.operations.iter().position(|known| known == words);
        if known.is_none() && self.operations.len() < Operations::COUNT_MAX {
            self.operations.push(Rc::clone(words));
        }
        Operations::one(known.unwrap_or(self.operations.len().saturating_sub(usize::from(known.is_none()))))
    }

    /// Whether what a field holds may have a text: of itself, as a file, as an address.
    pub(crate) fn is_texted(&self, field: FieldId) -> bool {
        self.texted.get(field.index()).copied().unwrap_or(false)
    }

    /// Notes what text a field is given. What depends on a caller is noted where the caller is known.
    pub(crate) fn note_text(&mut self, field: FieldId, text: &Constants) {
        for &symbol in text.symbols() {
            match symbol {
                Symbol::Text(id) if self.tables.patterns.has_input(id) => {}
                Symbol::Text(id) if self.tables.patterns.fields(id).contains(&field) => {}
                Symbol::Text(_) => self.field_texts.entry(field).or_default().add(symbol),
                Symbol::Null | Symbol::Number(_) | Symbol::Class(_) => {}
            }
        }
    }

    /// The field that a name means: code may name a field of a superclass by the class it is used in.
    pub(crate) fn declared(&self, field: FieldId) -> FieldId {
        self.declared.get(field.index()).copied().unwrap_or(field)
    }

    /// The declared type of a field.
    pub(crate) fn type_of_field(&self, field: FieldId) -> Option<TypeId> {
        self.program.field(field).map(|field| field.ty)
    }

    /// The declared type of what a step leads to.
    pub(crate) fn step_type(&self, step: Step) -> Option<TypeId> {
        if let Step::Field(field) = step { self.type_of_field(field) } else { None }
    }

    /// The declared type of what a method's parameter, or a part of it, is.
    pub(crate) fn type_of_path(&self, method: MethodId, path: PathId) -> Option<TypeId> {
        match self.tables.paths.steps(path).last() {
            Some(&step) => self.step_type(step),
            None => self.type_of_parameter(method, self.tables.paths.root_of(path)),
        }
    }

    fn type_of_parameter(&self, method: MethodId, position: u16) -> Option<TypeId> {
        let (class, definition) = self.program.definition(method)?;
        let is_static = definition.access & access::STATIC != 0;
        let reference = self.program.method(method)?;
        match (is_static, position) {
            (false, 0) => Some(class.ty),
            (false, _) => reference.parameters.get(usize::from(position) - 1).copied(),
            (true, _) => reference.parameters.get(usize::from(position)).copied(),
        }
    }

    /// What a call may lead to.
    pub(crate) fn call_info(&mut self, method: MethodId, kind: InvokeKind) -> Rc<CallInfo<'a>> {
        if let Some(info) = self.call_infos.get(&(method, kind)) {
            return Rc::clone(info);
        }
        let info = Rc::new(self.find_call_info(method, kind));
        self.call_infos.insert((method, kind), Rc::clone(&info));
        info
    }

    fn find_call_info(&self, method: MethodId, kind: InvokeKind) -> CallInfo<'a> {
        let Some(reference) = self.program.method(method) else { return CallInfo::default() };
        let implementation = self.classes.implementation(reference.class, method);
        let model = self.model_of(method);
        let own_class = implementation.and_then(|found| self.program.method(found)).map(|found| found.class);
        // The nearer of code and model speaks: a model of the class that is named, or of one below that of the code,
        // knows the library better than code that the app brings along (which may be no more than stubs).
        let ancestors = self.classes.ancestors(reference.class);
        let nearness = |name: &str| ancestors.iter().position(|ancestor| ancestor == name);
        let model_replaces_code = match (model, own_class) {
            _ if self.recognised.contains_key(&method) => true,
            (Some(model), Some(own)) => nearness(&model.class) <= nearness(self.program.descriptor(own)),
            (Some(_), None) => true,
            (None, _) => false,
        };
        let overriders = match kind {
            InvokeKind::Virtual | InvokeKind::Interface if !model_replaces_code || implementation.is_none() => {
                self.classes.overriders(reference.class, method)
            }
            _ => Vec::new(),
        };
        CallInfo { model, model_replaces_code, implementation, overriders }
    }

    /// The model of a method, of the nearest class that has one. Constructors are not inherited.
    fn model_of(&self, method: MethodId) -> Option<&'a Model> {
        if let Some(model) = self.recognised.get(&method) {
            return Some(model);
        }
        let reference = self.program.method(method)?;
        let name = self.program.text(reference.name);
        let parameters = self.parameters_text(method);
        let ancestors = self.classes.ancestors(reference.class);
        let classes = if name == "<init>" { ancestors.get(..1) } else { ancestors.get(..) };
        classes?.iter().find_map(|class| self.knowledge.model(class, name, &parameters))
    }

    /// Models of a platform method by its name and number of parameters, of the class or the nearest one above it.
    pub(crate) fn models_by_name(&self, class: &str, name: &str, parameters: usize) -> Vec<&'a Model> {
        let mut pending = std::collections::VecDeque::from([class.to_owned()]);
        let mut seen: BTreeSet<String> = BTreeSet::new();
        while let Some(class) = pending.pop_front() {
            if !seen.insert(class.clone()) {
                continue;
            }
            let found = self.knowledge.models_named(&class, name, parameters);
            if !found.is_empty() {
                return found;
            }
            pending.extend(self.classes.platform.above(&class).iter().cloned());
        }
        Vec::new()
    }

    /// Parameter descriptors in parentheses.
    pub(crate) fn parameters_text(&self, method: MethodId) -> String {
        let parameters = self.program.method(method).map(|method| &*method.parameters).unwrap_or_default();
        let mut text = String::from("(");
        for &parameter in parameters {
            text.push_str(self.program.descriptor(parameter));
        }
        text.push(')');
        text
    }

    /// Notes what the instructions of a body say about the whole app: classes created, classes stored in fields.
    pub(crate) fn survey(&mut self, method: MethodId, body: &code::Body) {
        self.handed_on.survey(self.program, body);
        let mut made: FxHashMap<code::ValueId, TypeId> = FxHashMap::default();
        for instruction in &body.instructions {
            match &instruction.op {
                Op::New { to, ty } => {
                    self.classes.note_created(*ty);
                    made.insert(*to, *ty);
                    self.creates.entry(method).or_default().push(*ty);
                }
                Op::FieldPut { from, field, .. } => self.note_stored(self.declared(*field), made.get(from).copied()),
                Op::Text { text, .. } => {
                    // An object may be made by the name of its class.
                    if let Some(ty) = self.class_named(*text) {
                        self.classes.note_created(ty);
                        self.made_by_name.insert(ty);
                    }
                    self.telling.note(*text, self.program.method(method).map(|method| method.class))
                }
                Op::ClassOf { ty, .. } => {
                    self.made_by_name.insert(*ty);
                }
                Op::StaticPut { from, field } => self.note_stored(self.declared(*field), made.get(from).copied()),
                _ => {}
            }
        }
    }

    /// The class of the app that a text is the name of.
    pub(crate) fn class_named(&self, text: code::StringId) -> Option<TypeId> {
        let name = self.program.text(text);
        if !name.contains('.') || name.contains(['/', ' ', ':']) {
            return None;
        }
        let ty = self.program.find_type(&format!("L{};", name.replace('.', "/")))?;
        self.program.class_of(ty).map(|_| ty)
    }

    /// Every body was surveyed: constants may be asked for.
    pub(crate) fn surveyed(&mut self) {
        let writes = StaticWrites::scan_app(self.program, self.bodies);
        self.interpreter = Interpreter::new(self.program, self.bodies, Limits::default()).with_writes(writes);
        self.recognised = bundled::recognise(self.program, self.knowledge, &self.telling);
    }

    fn note_stored(&mut self, field: FieldId, ty: Option<TypeId>) {
        if self.type_of_field(field).is_none_or(|ty| self.is_plain(ty)) {
            return;
        }
        if let Some(ty) = ty {
            let classes = self.field_classes.entry(field).or_default();
            if !classes.contains(&ty) && classes.len() < FIELD_CLASSES_MAX {
                classes.push(ty);
                classes.sort();
            }
        }
    }
}

/// Access flags of the DEX document that matter here.
pub(crate) mod access {
    /// `ACC_PUBLIC`.
    pub(crate) const PUBLIC: u32 = 0x1;
    /// `ACC_STATIC`.
    pub(crate) const STATIC: u32 = 0x8;
}

/// Longest chain of superclasses that is followed: a sample may declare a circle.
const DECLARERS_MAX: usize = 64;

/// For each field reference the field of the class that defines it, as the platform resolves it.
fn declared_fields(program: &Program) -> Vec<FieldId> {
    let mut defined: FxHashMap<(TypeId, code::StringId, TypeId), FieldId> = FxHashMap::default();
    for class in program.classes() {
        for definition in &class.fields {
            if let Some(field) = program.field(definition.field) {
                defined.insert((class.ty, field.name, field.ty), definition.field);
            }
        }
    }
    let resolve = |id: FieldId| {
        let field = program.field(id)?;
        let mut at = program.class_of(field.class);
        for _ in 0..DECLARERS_MAX {
            let class = at?;
            let owners = std::iter::once(class.ty).chain(class.interfaces.iter().copied());
            let found = owners.filter_map(|owner| defined.get(&(owner, field.name, field.ty))).next();
            if let Some(found) = found {
                return Some(*found);
            }
            at = class.superclass.and_then(|above| program.class_of(above));
        }
        None
    };
    (0..program.field_count()).map(|id| FieldId(id as u32)).map(|id| resolve(id).unwrap_or(id)).collect()
}

/// Whether objects of a class can be taken as one where a field is concerned. Not so for whole numbers and flags
/// (positions, counters and states far more often than data), for fields of no particular type, and for the links of a
/// data structure to its own parts: there, one class serves every purpose of the app, and taking its objects as one ties
/// everything to everything.
fn is_followed(program: &Program, field: FieldId) -> bool {
    let Some(reference) = program.field(field) else { return false };
    let (class, ty) = (program.descriptor(reference.class), program.descriptor(reference.ty));
    let anything = matches!(ty.trim_start_matches('['), "Ljava/lang/Object;" | "Ljava/lang/ThreadLocal;");
    let number = matches!(ty, "Z" | "B" | "S" | "C" | "I" | "J");
    let outermost = |name: &str| name.trim_start_matches('[').split(['$', ';']).next().unwrap_or_default().to_owned();
    let own_part = ty.contains('L') && outermost(class) == outermost(ty) && (class.contains('$') || class == ty);
    !anything && !number && !own_part
}

/// Fields whose text is followed: those that may hold one, and whole numbers that a class keeps for the whole app, of which some have
/// a name that no counting gives them (the number of the own process).
fn texted_fields(program: &Program) -> Vec<bool> {
    const STATIC: u32 = 0x8;
    let mut texted: Vec<bool> =
        (0..program.field_count()).map(|field| is_texted(program, FieldId(field as u32))).collect();
    for definition in
        program.classes().iter().flat_map(|class| &class.fields).filter(|known| known.access & STATIC != 0)
    {
        let is_number = program.field(definition.field).is_some_and(|known| program.descriptor(known.ty) == "I");
        if let Some(texted) = texted.get_mut(definition.field.index()).filter(|_| is_number) {
            *texted = true;
        }
    }
    texted
}

/// Whether what a field holds may have a text: a string, or an object of the platform (a file, an address, a builder).
fn is_texted(program: &Program, field: FieldId) -> bool {
    let Some(reference) = program.field(field) else { return false };
    let descriptor = program.descriptor(reference.ty);
    descriptor.starts_with('L') && is_followed(program, field) && program.class_of(reference.ty).is_none()
}

fn is_plain(descriptor: &str) -> bool {
    const PLAIN_CLASSES: [&str; 12] = [
        "Ljava/lang/String;",
        "Ljava/lang/CharSequence;",
        "Ljava/lang/Integer;",
        "Ljava/lang/Long;",
        "Ljava/lang/Short;",
        "Ljava/lang/Byte;",
        "Ljava/lang/Character;",
        "Ljava/lang/Boolean;",
        "Ljava/lang/Float;",
        "Ljava/lang/Double;",
        "Ljava/lang/Number;",
        "Ljava/lang/Class;",
    ];
    !descriptor.starts_with(['L', '[']) || PLAIN_CLASSES.contains(&descriptor)
}
