//! Macros: text for text, before anything else is understood (ctys.md 1.7, ctys-original.md 1.6).
//!
//! `macro:NAME`, `{macro:NAME}`, with `%FILE`, `%OPTIONAL`, `%ECHO` behind the name. The text may hold macros again.

use crate::mistakes::{Desk, Fault, shown};
use crate::text::{Mark, Spot, Text};
use ctys_table::Book;
use std::collections::BTreeMap;
use std::rc::Rc;

const KEYWORD: &str = "macro:";

/// What ends a name or an attribute. Macro files refuse these characters in names.
const ENDS: &str = "%,:;{}()'\"\\#";

/// The most characters all macros of one call may become: a few lines that double each other reach any size.
const MOST: usize = 1 << 20;

/// The macro files of one call, each read once.
#[derive(Default)]
pub(crate) struct Library {
    /// The books by file; the default file has the empty name. None: the file has mistakes, which were reported.
    books: BTreeMap<String, Option<Rc<Book>>>,
    /// How many characters came out so far.
    spent: usize,
}

/// The words with their macros expanded; the text of a macro may be several words, or none. Where the first word stood
/// that came to none is told beside them.
pub(crate) fn expand(desk: &mut Desk<'_>, words: &[Text]) -> (Vec<Text>, Option<Spot>) {
    let mut library = Library::default();
    let mut result = Vec::new();
    let mut holes = Vec::new();
    let mut nothing = None;
    for word in words {
        let mut finder =
            Finder { desk, library: &mut library, holes: &mut holes, chain: Vec::new(), file: String::new() };
        match finder.text(word) {
            None => result.push(word.clone()),
            Some(expanded) => {
                let words = split_at_macro_blanks(&expanded);
                if words.is_empty() {
                    nothing = nothing.or(Some(word.spot()));
                }
                result.extend(words);
            }
        }
    }
    holes.into_iter().for_each(|hole| desk.hole(hole));
    (result, nothing)
}

/// Blanks that a macro brought separate words; those typed inside of one word do not.
fn split_at_macro_blanks(text: &Text) -> Vec<Text> {
    let mut words = Vec::new();
    let mut word: Vec<Mark> = Vec::new();
    for &mark in text.marks() {
        if mark.c.is_whitespace() && mark.spot.through != 0 {
            words.push(std::mem::take(&mut word));
        } else {
            word.push(mark);
        }
    }
    words.push(word);
    words.into_iter().filter(|word| !word.is_empty()).map(|word| Text::from_marks(word, text.spot())).collect()
}

/// A reference as it is written.
struct Reference {
    name: Text,
    file: Option<Text>,
    optional: bool,
    eval: Option<Text>,
    /// All characters of it, with the braces.
    length: usize,
}

struct Finder<'a, 'd, 'w> {
    desk: &'d mut Desk<'w>,
    library: &'a mut Library,
    /// The references of the call whose text cannot be had.
    holes: &'a mut Vec<Spot>,
    /// The names that led here, the outermost first.
    chain: Vec<String>,
    /// The file the outermost macro named; its text is looked up there, too.
    file: String,
}

impl Finder<'_, '_, '_> {
    /// The text with all macros expanded; none when there is no macro in it.
    fn text(&mut self, text: &Text) -> Option<Text> {
        let marks = text.marks();
        let mut out: Vec<Mark> = Vec::new();
        let mut found = false;
        let mut at = 0;
        while at < marks.len() {
            if starts_reference(marks, at) {
                found = true;
                let reference = self.reference(text, at);
                let written = text.slice(at..at + reference.length);
                let spot = written.spot();
                let before = self.desk.faults();
                let value = self.value(&reference, spot);
                if self.desk.faults() == before {
                    out.extend_from_slice(value.marks());
                } else {
                    // The reference stays in the place of its text, so that the words around it keep their meaning.
                    self.holes.push(spot);
                    out.extend_from_slice(written.marks());
                }
                at += reference.length;
            } else {
                out.push(marks[at]);
                at += 1;
            }
        }
        found.then(|| Text::from_marks(out, text.spot()))
    }

    /// Reads the reference that starts here.
    fn reference(&mut self, text: &Text, start: usize) -> Reference {
        let marks = text.marks();
        let braced = marks[start].c == '{';
        let name_start = start + usize::from(braced) + KEYWORD.len();
        let word_end = |from: usize| {
            let end = marks[from..].iter().position(|m| m.c.is_whitespace() || m.c.is_control() || ENDS.contains(m.c));
            end.map_or(marks.len(), |n| from + n)
        };
        let mut end = word_end(name_start);
        let mut reference =
            Reference { name: text.slice(name_start..end), file: None, optional: false, eval: None, length: 0 };
        // One % leads to an attribute, two belong to what follows; so does one % before another reference.
        while marks.get(end).is_some_and(|mark| mark.c == '%') && !starts_reference(marks, end + 1) {
            let attribute = text.slice(end + 1..word_end(end + 1));
            if attribute.is_empty() {
                break;
            }
            match attribute.upper().as_str() {
                "OPTIONAL" => reference.optional = true,
                "ECHO" => {}
                "EVAL" => reference.eval = Some(attribute.clone()),
                _ => match &reference.file {
                    None => reference.file = Some(attribute.clone()),
                    Some(first) => {
                        let message = format!("the macro names two files, {} and {}", shown(first), shown(&attribute));
                        self.desk.fault(Fault::at(attribute.spot(), message));
                    }
                },
            }
            end = word_end(end + 1);
        }
        if braced {
            match marks.get(end).map(|mark| mark.c) {
                Some('}') => end += 1,
                _ => {
                    let fault = Fault::at(marks[start].spot, "the { before a macro is not closed");
                    self.desk.fault(fault.expected("{macro:NAME}"));
                }
            }
        }
        reference.length = end - start;
        reference
    }

    /// The text a reference stands for; nothing when it is wrong.
    fn value(&mut self, reference: &Reference, spot: Spot) -> Text {
        let nothing = Text::empty(spot);
        let name = reference.name.to_string();
        let chain = self.chain.iter().map(String::as_str).chain([name.as_str()]).collect::<Vec<_>>().join(" -> ");
        if name.is_empty() {
            self.desk.fault(Fault::at(spot, "the macro has no name").expected("macro:NAME"));
            return nothing;
        }
        if let Some(eval) = &reference.eval {
            let fault =
                Fault::at(eval.spot(), format!("EVAL of macro {} would run text of a file in a shell", shown(&name)));
            self.desk.fault(fault.note("write what it should give into the macro file"));
            return nothing;
        }
        if self.chain.contains(&name) {
            let fault = Fault::at(spot, format!("the macro {} contains itself", shown(&name)));
            self.desk.fault(fault.note(format!("macros: {}", shown(&chain))));
            return nothing;
        }
        let limit = self.desk.max_recursion;
        if self.chain.len() >= limit {
            let fault = Fault::at(spot, format!("macros contain each other more than {limit} deep"));
            self.desk.fault(fault.note(format!("macros: {}", shown(&chain))));
            return nothing;
        }
        let file = reference.file.as_ref().map_or_else(|| self.file.clone(), Text::to_string);
        let Some(book) = self.book(&file, reference, spot) else { return nothing };
        let Some(text) = book.get(&name) else {
            if !reference.optional {
                let place =
                    if file.is_empty() { String::new() } else { format!(" in the macro file {}", shown(&file)) };
                let fault = Fault::at(spot, format!("the macro {} is not defined{place}", shown(&name)));
                let near = book.near(&name).first().map(|near| near.to_string());
                let fault =
                    if self.chain.is_empty() { fault } else { fault.note(format!("macros: {}", shown(&chain))) };
                self.desk.fault(fault.nearest(near).note("macro:NAME%OPTIONAL may be missing"));
            }
            return nothing;
        };
        self.library.spent += text.chars().count() + 1;
        if self.library.spent > MOST {
            self.desk.fault(Fault::at(spot, format!("the macros of this call become more than {MOST} characters")));
            return nothing;
        }
        let through = self.desk.expansion(format!("macro {}", shown(&chain)));
        let text = Text::expanded(text, Spot { through, ..spot });
        self.chain.push(name);
        let outer = std::mem::replace(&mut self.file, file);
        let inner = self.text(&text);
        self.file = outer;
        self.chain.pop();
        inner.unwrap_or(text)
    }

    /// The book of a file, read at its first use.
    fn book(&mut self, file: &str, reference: &Reference, spot: Spot) -> Option<Rc<Book>> {
        if let Some(known) = self.library.books.get(file) {
            return known.clone();
        }
        let book = self.read(file, reference, spot).map(Rc::new);
        // A file that is not there is looked for once more when the next reference is not optional.
        if book.is_some() || !reference.optional {
            self.library.books.insert(file.to_string(), book.clone());
        }
        book
    }

    fn read(&mut self, file: &str, reference: &Reference, spot: Spot) -> Option<Book> {
        let world = self.desk.world;
        let wanted = if file.is_empty() { "default" } else { file };
        let shipped_text =
            |name: &str| world.shipped_macros.iter().find(|(file, _)| *file == name).map(|(_, text)| *text);
        let place = reference.file.as_ref().map_or(spot, Text::spot);
        let own = match world.shelf.macro_file(wanted) {
            Ok(own) => own,
            Err(reason) => {
                let message = format!("the macro file {} cannot be read: {}", shown(wanted), shown(reason));
                self.desk.fault(Fault::at(place, message));
                return None;
            }
        };
        let mut layers = vec![("default", shipped_text("default").unwrap_or_default().to_string())];
        if !file.is_empty() {
            layers.extend(shipped_text(file).map(|text| (wanted, text.to_string())));
        }
        if own.is_none() && !file.is_empty() && layers.len() == 1 {
            if !reference.optional {
                let fault = Fault::at(place, format!("there is no macro file {}", shown(wanted)));
                let names = world.shipped_macros.iter().map(|(name, _)| name);
                self.desk.fault(fault.near(wanted, names).note("macro files are looked for along the macro path"));
            }
            return None;
        }
        layers.extend(own.map(|text| (wanted, text)));
        let mut book = Book::default();
        let mut right = true;
        for (name, text) in layers {
            match Book::parse(name, &text) {
                Ok(layer) => book = Book::layered(layer, book),
                Err(errors) => {
                    right = false;
                    for error in errors {
                        let mut fault = Fault::at(place, shown_long(&error.to_string()));
                        for hint in error.hints {
                            fault = fault.note(hint);
                        }
                        self.desk.fault(fault);
                    }
                }
            }
        }
        right.then_some(book)
    }
}

/// A whole sentence that quotes text of a file, harmless.
fn shown_long(sentence: &str) -> String {
    ctys_model::bytes::escape_for_eyes(sentence).into_owned()
}

/// Whether `macro:` or `{macro:` begins here: not in the middle of a word, and not at the brace of a block.
fn starts_reference(marks: &[Mark], at: usize) -> bool {
    let Some(first) = marks.get(at) else { return false };
    let keyword_at = at + usize::from(first.c == '{');
    let before = &marks[..at];
    let is_keyword = marks.len() >= keyword_at + KEYWORD.len()
        && marks[keyword_at..].iter().zip(KEYWORD.chars()).all(|(mark, c)| mark.c.eq_ignore_ascii_case(&c));
    if !is_keyword {
        return false;
    }
    if first.c != '{' {
        return !before.last().is_some_and(|mark| mark.c.is_alphanumeric() || mark.c == '_');
    }
    // SUBTASK{macro:hosts}: this brace opens the block.
    let word: String = before.iter().map(|mark| mark.c).collect();
    let opens_block = ["SUBTASK", "SUBGROUP", "VMSTACK", "VCIRCUIT"].iter().any(|keyword| {
        word.len() >= keyword.len()
            && word.get(word.len() - keyword.len()..).is_some_and(|end| end.eq_ignore_ascii_case(keyword))
    });
    !opens_block && !word.ends_with(')') && !word.ends_with(")'") && !word.ends_with(")\"")
}
