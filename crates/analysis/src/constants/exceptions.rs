//! Which exceptions a handler catches. The hierarchy is the platform's, for the exceptions that pure code meets.

use code::{Program, TypeId};

/// Superclasses per exception class, from the Java platform's documentation of each.
const PARENTS: &[(&str, &str)] = &[
    ("Ljava/lang/Exception;", "Ljava/lang/Throwable;"),
    ("Ljava/lang/Error;", "Ljava/lang/Throwable;"),
    ("Ljava/lang/RuntimeException;", "Ljava/lang/Exception;"),
    ("Ljava/lang/ArithmeticException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/ArrayStoreException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/ClassCastException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/IllegalArgumentException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/IllegalStateException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/IndexOutOfBoundsException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/ArrayIndexOutOfBoundsException;", "Ljava/lang/IndexOutOfBoundsException;"),
    ("Ljava/lang/StringIndexOutOfBoundsException;", "Ljava/lang/IndexOutOfBoundsException;"),
    ("Ljava/lang/NegativeArraySizeException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/NullPointerException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/NumberFormatException;", "Ljava/lang/IllegalArgumentException;"),
    ("Ljava/lang/UnsupportedOperationException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/lang/ClassNotFoundException;", "Ljava/lang/ReflectiveOperationException;"),
    ("Ljava/lang/ReflectiveOperationException;", "Ljava/lang/Exception;"),
    ("Ljava/lang/InterruptedException;", "Ljava/lang/Exception;"),
    ("Ljava/lang/AssertionError;", "Ljava/lang/Error;"),
    ("Ljava/util/NoSuchElementException;", "Ljava/lang/RuntimeException;"),
    ("Ljava/io/IOException;", "Ljava/lang/Exception;"),
    ("Ljava/io/FileNotFoundException;", "Ljava/io/IOException;"),
    ("Ljava/io/UnsupportedEncodingException;", "Ljava/io/IOException;"),
    ("Ljava/security/GeneralSecurityException;", "Ljava/lang/Exception;"),
    ("Ljava/security/NoSuchAlgorithmException;", "Ljava/security/GeneralSecurityException;"),
    ("Ljava/security/InvalidAlgorithmParameterException;", "Ljava/security/GeneralSecurityException;"),
    ("Ljava/security/KeyException;", "Ljava/security/GeneralSecurityException;"),
    ("Ljava/security/InvalidKeyException;", "Ljava/security/KeyException;"),
    ("Ljava/security/spec/InvalidKeySpecException;", "Ljava/security/GeneralSecurityException;"),
    ("Ljavax/crypto/NoSuchPaddingException;", "Ljava/security/GeneralSecurityException;"),
    ("Ljavax/crypto/BadPaddingException;", "Ljava/security/GeneralSecurityException;"),
    ("Ljavax/crypto/IllegalBlockSizeException;", "Ljava/security/GeneralSecurityException;"),
];

const THROWABLE: &str = "Ljava/lang/Throwable;";

/// Longest chain of superclasses that is followed: a sample may declare a circle.
pub(super) const SUPERCLASSES_MAX: usize = 64;

/// What was thrown.
#[derive(Debug, Clone, Copy)]
pub(super) enum Thrown {
    /// By the platform, of this class.
    Library(&'static str),
    /// By the program, of this class.
    Class(TypeId),
    /// Something.
    Unknown,
}

impl Thrown {
    pub(super) const NULL_POINTER: Self = Self::Library("Ljava/lang/NullPointerException;");
    pub(super) const ARRAY_BOUNDS: Self = Self::Library("Ljava/lang/ArrayIndexOutOfBoundsException;");
}

/// Whether a handler for `caught` catches it; `None` if the hierarchy is not known.
pub(super) fn catches(program: &Program, thrown: Thrown, caught: TypeId) -> Option<bool> {
    let caught = program.descriptor(caught);
    if caught == THROWABLE {
        return Some(true);
    }
    let mut descriptor = match thrown {
        Thrown::Library(descriptor) => descriptor,
        Thrown::Class(ty) => {
            let mut ty = ty;
            let mut steps_left = SUPERCLASSES_MAX;
            while let Some(class) = program.class_of(ty) {
                if program.descriptor(ty) == caught {
                    return Some(true);
                }
                steps_left = steps_left.checked_sub(1)?;
                ty = class.superclass?;
            }
            program.descriptor(ty)
        }
        Thrown::Unknown => return None,
    };
    // The table has no circles.
    loop {
        if descriptor == caught {
            return Some(true);
        }
        if descriptor == THROWABLE {
            return Some(false);
        }
        descriptor = PARENTS.iter().find(|(class, _)| *class == descriptor).map(|(_, parent)| *parent)?;
    }
}
