//! A method body in static single assignment form: about twenty-five operations instead of 256 opcodes.
//!
//! Moves vanish in renaming, `move-result` is folded into its call, constants keep their symbol. Exceptional edges are
//! block-coarse: the block of a handler is a successor of every block its range covers, and its phis name every value a
//! register may have had where something in such a block can throw. A block that runs into the next has no jump at its end;
//! a block may hold no instruction at all.

use crate::{BlockId, FieldId, MethodId, StringId, TypeId, ValueId};

/// A method body.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// What is known of each value, by [`ValueId`].
    pub values: Vec<ValueInfo>,
    /// The parameters, receiver first; a wide parameter is one value.
    pub parameters: Vec<ValueId>,
    /// The blocks; the first is the entry. Ordered in reverse post-order; unreachable code is left out.
    pub blocks: Vec<Block>,
    /// The instructions of all blocks, block by block.
    pub instructions: Vec<Instruction>,
    /// Number of Dalvik instructions decoded, for statistics.
    pub dalvik_instructions: u32,
    /// Number of instructions that could not be understood (quickened, reserved): each became an [`Op::Unknown`].
    pub unknown_instructions: u32,
    /// Number of jumps, cases and handlers that lead to where no instruction starts, and of ways past the last
    /// instruction: each edge is left out.
    pub dropped_edges: u32,
}

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueInfo {
    /// Declared or inferred static type: of the parameter, field, return type, `new`, `check-cast`. `None` for numeric
    /// results and for phis.
    pub ty: Option<TypeId>,
}

/// A basic block.
#[derive(Debug, Clone, Default)]
pub struct Block {
    /// Joins of values at the start of the block.
    pub phis: Vec<Phi>,
    /// Range in [`Body::instructions`].
    pub first: u32,
    /// One past the last instruction.
    pub end: u32,
    /// Ordinary successors, in the order of the terminator: for [`Op::If`] first taken, then fall through.
    pub successors: Vec<BlockId>,
    /// Exceptional successors in the order the platform tries them; `None` catches everything.
    pub handlers: Vec<(Option<TypeId>, BlockId)>,
    /// All predecessors, ordinary and exceptional.
    pub predecessors: Vec<BlockId>,
}

/// A value that joins others.
#[derive(Debug, Clone)]
pub struct Phi {
    /// The new value.
    pub to: ValueId,
    /// Where control came from and the value it brings. A predecessor whose handler this is may occur several times.
    pub from: Vec<(BlockId, ValueId)>,
}

/// One instruction.
#[derive(Debug, Clone)]
pub struct Instruction {
    /// Address in the method, in 16-bit code units.
    pub address: u32,
    /// What it does.
    pub op: Op,
}

/// How a call chooses its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the Dalvik document's")]
pub enum InvokeKind {
    Virtual,
    Super,
    Direct,
    Static,
    Interface,
}

/// Width and kind of an array element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the Dalvik document's")]
pub enum ElementKind {
    Word,
    Wide,
    Object,
    Boolean,
    Byte,
    Char,
    Short,
}

/// Kind of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the Dalvik document's")]
pub enum NumberKind {
    Int,
    Long,
    Float,
    Double,
}

/// Operations on one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UnaryOp {
    /// Arithmetic negation.
    Negate(NumberKind),
    /// Bitwise complement.
    Not(NumberKind),
    /// Conversion between kinds.
    Convert(NumberKind, NumberKind),
    /// `int-to-byte`: truncates and sign-extends.
    ToByte,
    /// `int-to-char`: truncates and zero-extends.
    ToChar,
    /// `int-to-short`: truncates and sign-extends.
    ToShort,
}

/// Operations on two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the Dalvik document's")]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
    /// `cmp-long`, `cmpl-*`, `cmpg-*`: -1, 0 or 1.
    Compare,
    /// `cmpg-*`: as [`Self::Compare`], but 1 for not-a-number.
    CompareGreater,
}

/// Comparisons of a conditional jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the Dalvik document's")]
pub enum Condition {
    Equal,
    NotEqual,
    Less,
    GreaterOrEqual,
    Greater,
    LessOrEqual,
}

/// What an instruction does. `to` is the value it assigns.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are named for what they are")]
pub enum Op {
    /// A number, or null (`0`); floats by their bits. Wide constants are sign-extended.
    Number {
        to: ValueId,
        value: i64,
        wide: bool,
    },
    /// A string literal.
    Text {
        to: ValueId,
        text: StringId,
    },
    /// A class literal.
    ClassOf {
        to: ValueId,
        ty: TypeId,
    },
    /// `new-instance`.
    New {
        to: ValueId,
        ty: TypeId,
    },
    /// `new-array`.
    NewArray {
        to: ValueId,
        ty: TypeId,
        len: ValueId,
    },
    /// `filled-new-array`.
    FilledArray {
        to: ValueId,
        ty: TypeId,
        elements: Box<[ValueId]>,
    },
    /// `fill-array-data`: `data` holds elements of `width_bytes` little-endian bytes.
    ArrayData {
        array: ValueId,
        width_bytes: u8,
        data: Box<[u8]>,
    },
    ArrayGet {
        to: ValueId,
        array: ValueId,
        index: ValueId,
        kind: ElementKind,
    },
    ArrayPut {
        from: ValueId,
        array: ValueId,
        index: ValueId,
        kind: ElementKind,
    },
    ArrayLength {
        to: ValueId,
        array: ValueId,
    },
    FieldGet {
        to: ValueId,
        object: ValueId,
        field: FieldId,
    },
    FieldPut {
        from: ValueId,
        object: ValueId,
        field: FieldId,
    },
    StaticGet {
        to: ValueId,
        field: FieldId,
    },
    StaticPut {
        from: ValueId,
        field: FieldId,
    },
    /// A call; `to` is the result if it is used. A wide argument is one value.
    Invoke {
        to: Option<ValueId>,
        kind: InvokeKind,
        method: MethodId,
        arguments: Box<[ValueId]>,
    },
    /// `check-cast`: the same reference, with another static type.
    Cast {
        to: ValueId,
        from: ValueId,
        ty: TypeId,
    },
    InstanceOf {
        to: ValueId,
        from: ValueId,
        ty: TypeId,
    },
    Unary {
        to: ValueId,
        op: UnaryOp,
        from: ValueId,
    },
    Binary {
        to: ValueId,
        op: BinaryOp,
        kind: NumberKind,
        left: ValueId,
        right: ValueId,
    },
    /// A binary operation with a literal.
    BinaryLiteral {
        to: ValueId,
        op: BinaryOp,
        left: ValueId,
        right: i32,
    },
    /// The caught exception, at the start of a handler.
    Caught {
        to: ValueId,
    },
    /// Jumps to the first successor if the condition holds, else to the second. `right` absent: compares with zero.
    If {
        condition: Condition,
        left: ValueId,
        right: Option<ValueId>,
    },
    /// Jumps to the only successor.
    Goto,
    /// Jumps by key: `keys[i]` to successor `i`; the last successor is the default.
    Switch {
        value: ValueId,
        keys: Box<[i32]>,
    },
    Return {
        from: Option<ValueId>,
    },
    Throw {
        from: ValueId,
    },
    /// An instruction that could not be understood. It may read `uses` and assign `to`. Opcode 0x100, which no
    /// instruction has, stands at the entry for what registers hold that nothing assigned.
    Unknown {
        to: Option<ValueId>,
        opcode: u16,
        uses: Box<[ValueId]>,
    },
}
