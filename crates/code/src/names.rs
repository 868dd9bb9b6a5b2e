//! Methods, fields and strings as text.

use crate::{FieldId, MethodId, Program, StringId, dex};

impl Program {
    /// A method as `Lx/Y;->name(I)V`.
    #[must_use]
    pub fn method_text(&self, id: MethodId) -> String {
        let Some(method) = self.method(id) else { return String::new() };
        let mut text = format!("{}->{}", self.descriptor(method.class), self.text(method.name));
        self.push_descriptor(id, &mut text);
        text
    }

    /// Parameters and return type of a method as `(I)V`.
    #[must_use]
    pub fn method_descriptor(&self, id: MethodId) -> String {
        let mut text = String::new();
        self.push_descriptor(id, &mut text);
        text
    }

    fn push_descriptor(&self, id: MethodId, text: &mut String) {
        let Some(method) = self.method(id) else { return };
        text.push('(');
        for &parameter in method.parameters.iter() {
            text.push_str(self.descriptor(parameter));
        }
        text.push(')');
        text.push_str(self.descriptor(method.return_type));
    }

    /// A field as `Lx/Y;->name:I`.
    #[must_use]
    pub fn field_text(&self, id: FieldId) -> String {
        let Some(field) = self.field(id) else { return String::new() };
        format!("{}->{}:{}", self.descriptor(field.class), self.text(field.name), self.descriptor(field.ty))
    }

    /// The UTF-16 code units of a string, as the code sees them: lone surrogates, which [`Self::text`] can only show as
    /// private characters (U+10F800 and up), are themselves again.
    #[must_use]
    pub fn utf16(&self, id: StringId) -> Vec<u16> {
        dex::units(self.text(id))
    }
}
