//! Class definitions: fields, methods with their code, initial values.
//!
//! Written from the "Dalvik Executable format" document, `class_def_item` and `class_data_item`.

use std::sync::Arc;

use bytes::{Cursor, Error, Result};

use super::{
    code_item,
    header::Table,
    read::{Reader, entry_offset, position, u32_at},
    value,
};
use crate::{Class, ClassId, CodeItem, FieldDefinition, FieldRef, MethodDefinition, TypeId};

/// Absent index.
const NO_INDEX: u32 = u32::MAX;
const CLASS_DEF_BYTES: u64 = 32;
// Offsets of the fields of a class definition.
const SUPERCLASS: usize = 8;
const INTERFACES: usize = 12;
const CLASS_DATA: usize = 24;
const STATIC_VALUES: usize = 28;

/// A kind of member list of a class.
#[derive(Clone, Copy)]
struct Lists {
    static_fields: u32,
    instance_fields: u32,
    direct_methods: u32,
    virtual_methods: u32,
}

impl Reader<'_> {
    pub(super) fn read_classes(&mut self, table: Table) {
        let (entries, start) = self.entries::<{ CLASS_DEF_BYTES as usize }>(table, "class_defs");
        for (index, entry) in entries.iter().enumerate() {
            self.read_class(entry, index, entry_offset(start, index, CLASS_DEF_BYTES));
        }
    }

    fn read_class(&mut self, entry: &[u8], index: usize, offset: u64) {
        let at = |field: usize| offset.saturating_add(field as u64);
        let ty = self.ty(u32_at(entry, 0), "class_idx", offset);
        let ty = ty.unwrap_or_else(|| self.placeholder_type("class", index));
        if let Some(&known) = self.program.class_of_type.get(&ty) {
            // Another file may define it again, and the first one counts; the same file may not.
            if self.is_of_this_file(known) {
                self.problem(Error::corrupt("class_idx", offset));
            }
            return;
        }
        let superclass = match u32_at(entry, SUPERCLASS) {
            NO_INDEX => None,
            superclass => self.ty(superclass, "superclass_idx", at(SUPERCLASS)),
        };
        let interfaces = self.interfaces(u32_at(entry, INTERFACES), at(INTERFACES));
        let mut class =
            Class { ty, superclass, interfaces, access: u32_at(entry, 4), fields: Vec::new(), methods: Vec::new() };
        let data_offset = u32_at(entry, CLASS_DATA);
        if data_offset != 0 {
            let mut static_count = 0;
            if let Err(error) = self.read_members(&mut class, data_offset, at(CLASS_DATA), &mut static_count) {
                self.problem(error);
            }
            let statics = class.fields.get_mut(..static_count).unwrap_or_default();
            let values_offset = u32_at(entry, STATIC_VALUES);
            if values_offset != 0
                && let Err(error) = self.read_values(statics, values_offset, at(STATIC_VALUES))
            {
                self.problem(error);
            }
        }
        self.program.add_class(class);
    }

    /// The interfaces of a class. A million classes may share a list; each pays for it, because each is a row of the
    /// hierarchy.
    fn interfaces(&mut self, list_offset: u32, pointer: u64) -> Arc<[TypeId]> {
        let list = self.type_list(list_offset, "interfaces_off", pointer);
        let bytes = (list.len() as u64).saturating_mul(2);
        match self.fuel.spend(bytes, "interfaces_off", pointer) {
            Ok(()) => list,
            Err(error) => {
                self.problem(error);
                Arc::default()
            }
        }
    }

    fn is_of_this_file(&self, class: ClassId) -> bool {
        self.first_class <= class.0
    }

    /// Reads a `class_data_item`; what was read before an error stays.
    fn read_members(&mut self, class: &mut Class, at: u32, pointer: u64, static_count: &mut usize) -> Result<()> {
        let mut cursor =
            Cursor::at(self.bytes, self.header.data(at).into(), "class_data_off").map_err(|mut error| {
                error.offset = pointer;
                error
            })?;
        let lists = Lists {
            static_fields: cursor.uleb128("static_fields_size")?,
            instance_fields: cursor.uleb128("instance_fields_size")?,
            direct_methods: cursor.uleb128("direct_methods_size")?,
            virtual_methods: cursor.uleb128("virtual_methods_size")?,
        };
        let result = self.read_field_list(&mut cursor, lists.static_fields, class);
        *static_count = class.fields.len();
        result?;
        self.read_field_list(&mut cursor, lists.instance_fields, class)?;
        self.read_method_list(&mut cursor, lists.direct_methods, class)?;
        self.read_method_list(&mut cursor, lists.virtual_methods, class)
    }

    fn read_field_list(&mut self, cursor: &mut Cursor<'_>, count: u32, class: &mut Class) -> Result<()> {
        let mut index = 0_u32;
        for _ in 0..count {
            let offset = cursor.offset();
            let step = cursor.uleb128("field_idx_diff")?;
            let access = cursor.uleb128("field access_flags")?;
            self.fuel.spend(cursor.offset().saturating_sub(offset), "encoded_field", offset)?;
            index = index.checked_add(step).ok_or(Error::corrupt("field_idx_diff", offset))?;
            let field = match self.maps.fields.get(position(index)) {
                Some(&field) => field,
                None => {
                    self.problem(Error::corrupt("field_idx_diff", offset));
                    let name = self.placeholder("field", position(index));
                    let ty = self.placeholder_type("field type", position(index));
                    self.program.intern_field(FieldRef { class: class.ty, name, ty })
                }
            };
            class.fields.push(FieldDefinition { field, access, initial: None });
        }
        Ok(())
    }

    fn read_method_list(&mut self, cursor: &mut Cursor<'_>, count: u32, class: &mut Class) -> Result<()> {
        let mut index = 0_u32;
        for position_in_list in 0..count {
            let offset = cursor.offset();
            let step = cursor.uleb128("method_idx_diff")?;
            let access = cursor.uleb128("method access_flags")?;
            let code_offset = cursor.uleb128("code_off")?;
            self.fuel.spend(cursor.offset().saturating_sub(offset), "encoded_method", offset)?;
            if step == 0 && position_in_list > 0 {
                // Two definitions of one method: the platform refuses the file. Both stay; look-ups find the first.
                self.problem(Error::corrupt("method_idx_diff", offset));
            }
            index = index.checked_add(step).ok_or(Error::corrupt("method_idx_diff", offset))?;
            let method = match self.maps.methods.get(position(index)) {
                Some(&method) => method,
                None => {
                    self.problem(Error::corrupt("method_idx_diff", offset));
                    let name = self.placeholder("method", position(index));
                    self.placeholder_method(class.ty, name, position(index))
                }
            };
            self.check_owner(class.ty, method, offset);
            let code = (code_offset != 0).then(|| CodeItem { file: self.file, offset: self.header.data(code_offset) });
            if let Some(code) = code {
                self.pay_for_code(code.offset);
            }
            class.methods.push(MethodDefinition { method, access, code });
        }
        Ok(())
    }

    /// Whoever reads the program reads each method's code. In a well-formed file that is at most the file; methods that
    /// share a large code item could make it any multiple of that.
    fn pay_for_code(&mut self, code_offset: u32) {
        if self.maps.refused_code.contains(&code_offset) {
            return;
        }
        let len = code_item::len(self.bytes, code_offset, self.header.compact);
        if let Err(error) = self.fuel.spend(len, "code_item", code_offset.into()) {
            self.problem(error);
            self.maps.refused_code.insert(code_offset);
        }
    }

    /// A class may define only methods named with it.
    fn check_owner(&mut self, class: TypeId, method: crate::MethodId, offset: u64) {
        if self.program.method(method).is_some_and(|method| method.class != class) {
            self.problem(Error::corrupt("method_idx_diff", offset));
        }
    }

    /// Reads the values static fields start with; there may be fewer than fields, the rest start with zero.
    fn read_values(&mut self, fields: &mut [FieldDefinition], at: u32, pointer: u64) -> Result<()> {
        let mut cursor =
            Cursor::at(self.bytes, self.header.data(at).into(), "static_values_off").map_err(|mut error| {
                error.offset = pointer;
                error
            })?;
        let size_offset = cursor.offset();
        let count = cursor.uleb128("encoded_array size")?;
        if position(count) > fields.len() {
            self.problem(Error::corrupt("encoded_array size", size_offset));
        }
        for field in fields.iter_mut().take(position(count)) {
            let offset = cursor.offset();
            let value = value::read(&mut cursor, &self.maps, self.fuel)?;
            self.fuel.spend(cursor.offset().saturating_sub(offset), "static value", offset)?;
            field.initial = Some(value);
        }
        Ok(())
    }
}
