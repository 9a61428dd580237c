//! Looks at a Parquet footer before the Parquet crate does.
//!
//! The crate follows the schema by recursion, as deep as the file says, and a stack that overflows takes the whole process with it. So
//! the nesting is measured here first, on the schema's flat list, with a reader of Thrift's compact protocol that knows just enough to
//! find it (parquet-format: `FileMetaData.schema` is field 2, `SchemaElement.num_children` is field 5).

use parquet::file::reader::ChunkReader;

use super::sniff::PARQUET_MAGIC;
use super::thrift::{Kind, Thrift};

/// Magic, length of the footer, magic.
const FRAME_BYTES: u64 = 12;
const ENCRYPTED_MAGIC: &[u8] = b"PARE";
/// A footer describes columns, not rows; this is room for a thousand columns in hundreds of row groups. It takes some ten times as much in
/// memory.
const FOOTER_BYTES_MAX: u64 = 64 * 1024 * 1024;
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
