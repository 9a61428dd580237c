//! The facts about the language, line by line; and one meaning in all its forms.

mod differential;
mod emit;
mod evaluate;
mod generate;
mod parse;
mod python_side;
