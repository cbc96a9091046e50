//! Words to local options, the common set and targets with their contexts (ctys.md 1.1).

use crate::mistakes::{Desk, Fault, shown};
use crate::options::{Given, Reader, looks_like_option};
use crate::text::{Mark, Spot, Text};

/// What the words of a call say, before anything is looked up.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// Options outside of parentheses.
    pub local: Vec<Given>,
    /// The parentheses before the first target.
    pub common: Vec<Given>,
    /// The targets, in their order.
    pub nodes: Vec<Node>,
}

/// One target or one block of targets.
#[derive(Debug)]
pub(crate) enum Node {
    /// A host or a group.
    Target { name: Text, own: Vec<Given> },
    /// `SUBTASK{...}` and its kin.
    Block {
        kind: Block,
        keyword: Text,
        /// The options before and behind the members: the base of every member.
        shared: Vec<Given>,
        members: Vec<Node>,
    },
}

impl Node {
    /// Where it stands.
    pub fn spot(&self) -> Spot {
        match self {
            Node::Target { name, .. } | Node::Block { keyword: name, .. } => name.spot(),
        }
    }
}

/// The keywords of blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// SUBTASK and SUBGROUP: one after the other or at once, as the call says.
    Group,
    /// VMSTACK: one after the other, bottom up.
    Stack,
    /// VCIRCUIT: relays in a chain.
    Circuit,
}

impl Block {
    /// The block a keyword opens.
    pub fn of(word: &Text) -> Option<Block> {
        match word.upper().as_str() {
            "SUBTASK" | "SUBGROUP" => Some(Block::Group),
            "VMSTACK" => Some(Block::Stack),
            "VCIRCUIT" => Some(Block::Circuit),
            _ => None,
        }
    }
}

/// The words of a call.
pub(crate) fn scan(desk: &mut Desk<'_>, reader: &mut Reader, words: &[Text]) -> Scanned {
    let mut local = Vec::new();
    let mut lexer = Lexer::default();
    let mut ended = false;
    let mut nothing = None;
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        at += 1;
        if lexer.is_open() {
            lexer.word(desk, word);
        } else if !ended && word.is_word("--") {
            ended = true;
        } else if looks_like_option(word) && ended {
            let message = format!("{} stands behind --, where options end", shown(word));
            let fault = Fault::at(word.spot(), message);
            desk.fault(fault.note("write it before --, or in the parentheses of a target"));
        } else if looks_like_option(word) {
            let (given, taken) = reader.read(desk, &words[at - 1..]);
            local.extend(given);
            at += taken - 1;
        } else if word.trim().is_empty() {
            desk.fault(Fault::at(word.spot(), "there is an empty word").expected("a target or an option"));
        } else {
            if word.chars().all(|c| c == ',' || c.is_whitespace()) {
                nothing = nothing.or(Some(word.spot()));
            }
            lexer.word(desk, word);
        }
    }
    let tokens = lexer.finish(desk);
    let (common, nodes) = nodes(desk, reader, tokens);
    // Without a target the call would be for this machine, and that is not what was written.
    if let (Some(spot), true) = (nothing, nodes.is_empty()) {
        desk.fault(Fault::at(spot, "there is no target between these commas"));
    }
    Scanned { local, common, nodes }
}

/// A line of targets from a group file.
pub(crate) fn scan_line(desk: &mut Desk<'_>, reader: &mut Reader, line: &Text) -> (Vec<Given>, Vec<Node>) {
    let mut lexer = Lexer::default();
    lexer.word(desk, line);
    let tokens = lexer.finish(desk);
    nodes(desk, reader, tokens)
}

#[derive(Clone, Debug)]
enum Token {
    Name(Text),
    Context(Text),
    Open(Spot),
    Close(Spot),
}

/// Characters to tokens: names, `(contexts)`, braces. Knows at every moment whether a parenthesis or brace is open.
#[derive(Default)]
struct Lexer {
    tokens: Vec<Token>,
    name: Vec<Mark>,
    /// The quote around a name or around parentheses that has not been closed.
    quote: Option<Mark>,
    context: Option<Context>,
    braces: Vec<Spot>,
}

/// A parenthesis that has not been closed.
struct Context {
    open: Spot,
    inner: Vec<Mark>,
    quote: Option<Mark>,
    /// Parentheses within, which is a mistake; they are counted so that it ends where it should.
    nested: usize,
    /// There was one. Where the context really ends is unknown then, and what is in it is not looked at.
    doubtful: bool,
}

impl Lexer {
    fn is_open(&self) -> bool {
        self.context.is_some() || !self.braces.is_empty()
    }

    /// Takes one more word; words are separated by blanks.
    fn word(&mut self, desk: &mut Desk<'_>, word: &Text) {
        for &mark in word.marks() {
            self.letter(desk, mark);
        }
        let blank = Mark { c: ' ', spot: word.spot().behind() };
        self.letter(desk, blank);
    }

    fn letter(&mut self, desk: &mut Desk<'_>, mark: Mark) {
        if let Some(context) = &mut self.context {
            match (mark.c, context.quote) {
                (c @ ('\'' | '"'), None) => context.quote = Some(Mark { c, ..mark }),
                (c, Some(quote)) if c == quote.c => context.quote = None,
                (_, Some(_)) => {}
                ('(', None) => {
                    if !context.doubtful {
                        let fault = Fault::at(mark.spot, "there is a ( inside of parentheses, which do not nest");
                        desk.fault(fault.note("is the ) of the target before it missing, or are quotes mixed up?"));
                    }
                    context.nested += 1;
                    context.doubtful = true;
                }
                (')', None) if context.nested > 0 => context.nested -= 1,
                (')', None) => {
                    let done = self.context.take().expect("the context is open");
                    if !done.doubtful {
                        self.tokens.push(Token::Context(Text::from_marks(done.inner, done.open.behind())));
                    }
                    return;
                }
                _ => {}
            }
            if let Some(context) = &mut self.context {
                context.inner.push(mark);
            }
            return;
        }
        match mark.c {
            '\'' | '"' => match self.quote {
                None => self.quote = Some(mark),
                Some(quote) if quote.c == mark.c => self.quote = None,
                Some(quote) => {
                    let message = format!("the quotes are mixed up: {} opens and {} closes", quote.c, mark.c);
                    desk.fault(Fault::at(mark.spot, message).expected(quote.c.to_string()));
                    self.quote = None;
                }
            },
            '(' => {
                self.end_name();
                self.context =
                    Some(Context { open: mark.spot, inner: Vec::new(), quote: None, nested: 0, doubtful: false });
            }
            ')' => {
                self.end_name();
                desk.fault(Fault::at(mark.spot, "there is no ( before this )").note("are quotes mixed up?"));
            }
            '{' => {
                self.end_name();
                self.braces.push(mark.spot);
                self.tokens.push(Token::Open(mark.spot));
            }
            '}' => {
                self.end_name();
                if self.braces.pop().is_none() {
                    desk.fault(Fault::at(mark.spot, "there is no { before this }"));
                } else {
                    self.tokens.push(Token::Close(mark.spot));
                }
            }
            ',' if !self.in_brackets() => self.end_name(),
            c if c.is_whitespace() => self.end_name(),
            _ => self.name.push(mark),
        }
    }

    /// Inside of `[...]` commas belong to the name: the parts of a machine address.
    fn in_brackets(&self) -> bool {
        let count = |wanted| self.name.iter().filter(|mark| mark.c == wanted).count();
        count('[') > count(']')
    }

    fn end_name(&mut self) {
        if let Some(first) = self.name.first() {
            let at = first.spot;
            self.tokens.push(Token::Name(Text::from_marks(std::mem::take(&mut self.name), at)));
        }
    }

    fn finish(mut self, desk: &mut Desk<'_>) -> Vec<Token> {
        self.end_name();
        match self.context.take() {
            Some(Context { quote: Some(quote), .. }) => {
                let message = format!("the quote {} inside of parentheses is not closed", quote.c);
                desk.fault(Fault::at(quote.spot, message).note("are quotes mixed up?"));
            }
            Some(context) if !context.doubtful => {
                desk.fault(Fault::at(context.open, "this ( is not closed").expected(")"));
                self.tokens.push(Token::Context(Text::from_marks(context.inner, context.open.behind())));
            }
            _ => {}
        }
        if let Some(quote) = self.quote {
            let fault = Fault::at(quote.spot, format!("the quote {} is not closed", quote.c));
            desk.fault(fault.note("are the quotes of two targets mixed up?"));
        }
        for open in &self.braces {
            desk.fault(Fault::at(*open, "this { is not closed").expected("}"));
        }
        // Unclosed braces end with the call, so that what is inside is looked at, too.
        let behind = self.tokens.last().map(|token| match token {
            Token::Name(text) | Token::Context(text) => text.spot().behind(),
            Token::Open(spot) | Token::Close(spot) => spot.behind(),
        });
        for _ in &self.braces {
            self.tokens.push(Token::Close(behind.unwrap_or_default()));
        }
        self.tokens
    }
}

/// Tokens to the common set and the targets.
fn nodes(desk: &mut Desk<'_>, reader: &mut Reader, tokens: Vec<Token>) -> (Vec<Given>, Vec<Node>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut common = Vec::new();
    while let Some(Token::Context(_)) = tokens.peek() {
        if let Some(Token::Context(text)) = tokens.next() {
            common.extend(context_options(desk, reader, &text));
        }
    }
    let nodes = members(desk, reader, &mut tokens);
    (common, nodes)
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

/// The targets up to the closing brace, or to the end.
fn members(desk: &mut Desk<'_>, reader: &mut Reader, tokens: &mut Tokens) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    while let Some(token) = tokens.next() {
        match token {
            Token::Close(_) => break,
            Token::Context(text) => {
                let given = context_options(desk, reader, &text);
                match nodes.last_mut() {
                    Some(Node::Target { own, .. }) => own.extend(given),
                    Some(Node::Block { shared, .. }) => shared.extend(given),
                    None => {
                        let fault = Fault::at(text.spot(), "these options stand before the first target of a block");
                        desk.fault(fault.note("options for all members stand before the { or behind the }"));
                    }
                }
            }
            Token::Open(spot) => {
                // A keyword may have options between itself and the brace: it was read as a target with options.
                let keyword = match nodes.last() {
                    Some(Node::Target { name, .. }) => Block::of(name),
                    _ => None,
                };
                let inside = members(desk, reader, tokens);
                match (keyword, keyword.and_then(|_| nodes.pop())) {
                    (Some(kind), Some(Node::Target { name, own })) => {
                        nodes.push(Node::Block { kind, keyword: name, shared: own, members: inside });
                    }
                    _ => {
                        let fault = Fault::at(spot, "a { needs a keyword before it");
                        desk.fault(fault.expected("SUBTASK{...}, SUBGROUP{...} or VMSTACK{...}, or {macro:NAME}"));
                        nodes.extend(inside);
                    }
                }
            }
            Token::Name(name) => nodes.push(Node::Target { name, own: Vec::new() }),
        }
    }
    nodes
}

/// The options of one pair of parentheses.
pub(crate) fn context_options(desk: &mut Desk<'_>, reader: &mut Reader, text: &Text) -> Vec<Given> {
    let words = context_words(text);
    let mut given = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        if looks_like_option(word) {
            let (more, taken) = reader.read(desk, &words[at..]);
            given.extend(more);
            at += taken;
        } else {
            let fault = Fault::at(word.spot(), format!("{} inside of parentheses is not an option", shown(word)));
            desk.fault(fault.note("values with blanks are written with % for each blank"));
            at += 1;
        }
    }
    given
}

/// The words between blanks; quotes hold a word together and are left out.
fn context_words(text: &Text) -> Vec<Text> {
    let mut words = Vec::new();
    let mut word: Vec<Mark> = Vec::new();
    let mut quote: Option<char> = None;
    let mut started = None;
    for &mark in text.marks() {
        match (mark.c, quote) {
            (c, Some(open)) if c == open => quote = None,
            (_, Some(_)) => word.push(mark),
            (c @ ('\'' | '"'), None) => {
                quote = Some(c);
                started = started.or(Some(mark.spot));
            }
            (c, None) if c.is_whitespace() => {
                if let Some(at) = started.take() {
                    words.push(Text::from_marks(std::mem::take(&mut word), at));
                }
            }
            (_, None) => {
                started = started.or(Some(mark.spot));
                word.push(mark);
            }
        }
    }
    if let Some(at) = started {
        words.push(Text::from_marks(word, at));
    }
    words
}
