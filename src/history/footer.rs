//! Looks at a Parquet footer before the Parquet crate does.
//!
//! The crate follows the schema by recursion, as deep as the file says, and a stack that overflows takes the whole process with it. So
//! the nesting is measured here first, on the schema's flat list, with a reader of Thrift's compact protocol that knows just enough to
//! find it (parquet-format: `FileMetaData.schema` is field 2, `SchemaElement.num_children` is field 5).

use parquet::file::reader::ChunkReader;

use super::sniff::PARQUET_MAGIC;

/// Magic, length of the footer, magic.
const FRAME_BYTES: u64 = 12;
const ENCRYPTED_MAGIC: &[u8] = b"PARE";
/// A footer describes columns, not rows; this is room for thousands of columns in thousands of row groups.
const FOOTER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Structures inside structures of the footer itself; the format has fewer than ten.
const THRIFT_DEPTH_MAX: usize = 32;
/// Groups of the schema per level of the data: a list is two groups around its element.
const GROUPS_PER_LEVEL: usize = 3;

/// Checks that the file ends in a footer whose schema is a tree of bearable depth.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(file: &impl ChunkReader, nesting_max: usize) -> Result<(), String> {
    let size = file.len();
    if size == 0 {
        return Err("the file is empty, and Parquet never is".to_owned());
    }
    if size < FRAME_BYTES {
        return Err(format!("{size} bytes are too few for Parquet"));
    }
    let bytes = |start, length| file.get_bytes(start, length).map_err(|error| error.to_string());
    if *bytes(0, 4)? != *PARQUET_MAGIC {
        return Err("the file does not begin as Parquet does".to_owned());
    }
    let tail = bytes(size - 8, 8)?;
    if tail.ends_with(ENCRYPTED_MAGIC) {
        return Err("the file is encrypted".to_owned());
    }
    let length = match (tail.ends_with(PARQUET_MAGIC), tail.first_chunk::<4>()) {
        (true, Some(length)) => u64::from(u32::from_le_bytes(*length)),
        _ => return Err("the file does not end as Parquet does: it is cut off".to_owned()),
    };
    if length > size - FRAME_BYTES || length > FOOTER_BYTES_MAX {
        return Err(format!("a footer of {length} bytes does not fit a file of {size}"));
    }
    let length_in_memory = usize::try_from(length).map_err(|error| error.to_string())?;
    let footer = bytes(size - 8 - length, length_in_memory)?;
    let children = schema_children(&mut Thrift { rest: &footer }).ok_or("the Parquet footer makes no sense")?;
    let depth_max = nesting_max.saturating_mul(GROUPS_PER_LEVEL).saturating_add(1);
    if is_tree(&children, depth_max) { Ok(()) } else { Err(format!("the schema is no tree, or nests deeper than {nesting_max} levels")) }
}

/// True when the list of child counts, parents first, describes one tree of at most `depth_max` levels below the root.
fn is_tree(children: &[usize], depth_max: usize) -> bool {
    // How many children each open group still waits for.
    let mut open: Vec<usize> = Vec::new();
    for (at, count) in children.iter().enumerate() {
        match open.last_mut() {
            Some(waiting) => *waiting -= 1,
            None if at > 0 => return false,
            None => {}
        }
        if *count > children.len() {
            return false;
        }
        open.push(*count);
        while open.last() == Some(&0) {
            open.pop();
        }
        if open.len() > depth_max {
            return false;
        }
    }
    open.is_empty()
}

/// The number of children of each element of the schema, in the footer's order.
fn schema_children(thrift: &mut Thrift<'_>) -> Option<Vec<usize>> {
    let mut children = None;
    thrift.fields(|thrift, id, kind| {
        if (id, kind) != (2, Kind::LIST) {
            return thrift.skip(kind, 0);
        }
        let (size, element) = thrift.list()?;
        let mut counts = Vec::with_capacity(size);
        for _ in 0..size {
            let mut count = 0;
            if element != Kind::STRUCT {
                return None;
            }
            thrift.fields(|thrift, id, kind| {
                if (id, kind) != (5, Kind::I32) {
                    return thrift.skip(kind, 0);
                }
                count = usize::try_from(thrift.zigzag()?).ok()?;
                Some(())
            })?;
            counts.push(count);
        }
        children = Some(counts);
        Some(())
    })?;
    children
}

/// A type of Thrift's compact protocol.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind(u8);

impl Kind {
    const TRUE: Self = Self(1);
    const FALSE: Self = Self(2);
    const BYTE: Self = Self(3);
    const I16: Self = Self(4);
    const I32: Self = Self(5);
    const I64: Self = Self(6);
    const DOUBLE: Self = Self(7);
    const BINARY: Self = Self(8);
    const LIST: Self = Self(9);
    const SET: Self = Self(10);
    const MAP: Self = Self(11);
    const STRUCT: Self = Self(12);
}

/// What is left to read. Everything is `None` where the bytes make no sense.
struct Thrift<'a> {
    rest: &'a [u8],
}

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let half = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 0 { half } else { -half - 1 })
    }

    /// Every element takes a byte at least, so a size beyond what is left is a lie.
    fn list(&mut self) -> Option<(usize, Kind)> {
        let header = self.byte()?;
        let size = match header >> 4 {
            15 => usize::try_from(self.varint()?).ok()?,
            size => size.into(),
        };
        (size <= self.rest.len()).then_some((size, Kind(header & 0xf)))
    }

    /// Calls `each` with the id and type of each field of a structure; it must read the field's value.
    fn fields(&mut self, mut each: impl FnMut(&mut Self, i64, Kind) -> Option<()>) -> Option<()> {
        let mut id = 0_i64;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(());
            }
            id = match header >> 4 {
                0 => self.zigzag()?,
                step => id.checked_add(step.into())?,
            };
            each(self, id, Kind(header & 0xf))?;
        }
    }

    fn skip(&mut self, kind: Kind, depth: usize) -> Option<()> {
        if depth > THRIFT_DEPTH_MAX {
            return None;
        }
        match kind {
            Kind::TRUE | Kind::FALSE => Some(()),
            Kind::BYTE => self.byte().map(drop),
            Kind::I16 | Kind::I32 | Kind::I64 => self.varint().map(drop),
            Kind::DOUBLE => self.skip_bytes(8),
            Kind::BINARY => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.skip_bytes(length)
            }
            Kind::LIST | Kind::SET => {
                let (size, element) = self.list()?;
                (0..size).try_for_each(|_| self.skip_element(element, depth))
            }
            Kind::MAP => {
                let size = usize::try_from(self.varint()?).ok()?;
                if size == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                (0..size).try_for_each(|_| {
                    self.skip_element(Kind(kinds >> 4), depth)?;
                    self.skip_element(Kind(kinds & 0xf), depth)
                })
            }
            Kind::STRUCT => self.fields(|thrift, _, kind| thrift.skip(kind, depth + 1)),
            _ => None,
        }
    }

    /// Inside containers a boolean takes a byte, which it does not as a field.
    fn skip_element(&mut self, kind: Kind, depth: usize) -> Option<()> {
        match kind {
            Kind::TRUE | Kind::FALSE => self.byte().map(drop),
            kind => self.skip(kind, depth + 1),
        }
    }

    fn skip_bytes(&mut self, length: usize) -> Option<()> {
        self.rest = self.rest.get(length..)?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trees_of_bearable_depth_pass() {
        assert!(is_tree(&[2, 0, 1, 0], 2));
        assert!(is_tree(&[0], 0));
        assert!(is_tree(&[], 0));
        assert!(!is_tree(&[2, 0], 9), "a child is missing");
        assert!(!is_tree(&[1, 0, 0], 9), "a second root");
        assert!(!is_tree(&[usize::MAX], 9));
        let chain: Vec<usize> = std::iter::repeat_n(1, 1000).chain([0]).collect();
        assert!(is_tree(&chain, 1000));
        assert!(!is_tree(&chain, 999));
    }

    #[test]
    fn lists_longer_than_the_footer_are_lies() {
        // Field 2, a list of 2^35 structures.
        assert!(schema_children(&mut Thrift { rest: &[0x29, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0] }).is_none());
        assert!(schema_children(&mut Thrift { rest: &[] }).is_none());
        // Field 2, one structure whose field 5 is 3 children, end, end.
        assert_eq!(schema_children(&mut Thrift { rest: &[0x29, 0x1c, 0x55, 0x06, 0, 0] }), Some(vec![3]));
    }
}
