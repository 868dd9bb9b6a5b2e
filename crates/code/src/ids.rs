//! Typed indices into a [`crate::Program`].

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// As a position in a table.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

index! {
    /// An interned string: a name, a descriptor or a `const-string`.
    StringId;
    /// A type, by its descriptor (`Ljava/lang/String;`, `I`, `[B`).
    TypeId;
    /// A field, by class, name and type; it need not be defined in the program.
    FieldId;
    /// A method, by class, name and prototype; it need not be defined in the program.
    MethodId;
    /// A class that the program defines.
    ClassId;
    /// A value of a [`crate::Body`]: assigned once.
    ValueId;
    /// A basic block of a [`crate::Body`].
    BlockId;
}
