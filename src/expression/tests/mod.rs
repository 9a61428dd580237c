//! The facts about the language, line by line.

mod evaluate;
mod parse;
