//! Google's product feed as RSS 2.0, attributes as elements of the namespace `g`.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::Event;

use super::format::{Codec, Column, GOOGLE, Head, Row, Rows, Shape};

const START: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<rss version=\"2.0\" xmlns:g=\"http://base.google.com/ns/1.0\">\n",
    "<channel>\n",
);

#[derive(Debug)]
pub struct GoogleXml;

impl Codec for GoogleXml {
    fn head(&self, head: &Head, out: &mut String) {
        out.push_str(START);
        push_element("title", &head.title, out);
        push_element("link", &head.link, out);
        push_element("description", &head.description, out);
    }

    fn row(&self, row: &Row, out: &mut String) {
        out.push_str("<item>\n");
        for (column, values) in GOOGLE.columns.iter().zip(&row.cells) {
            let name = format!("g:{}", column.name);
            for value in values {
                match column.shape {
                    Shape::One | Shape::Many(_) => push_element(&name, value, out),
                    Shape::Groups(parts) => {
                        out.push_str(&format!("<{name}>\n"));
                        for (part, value) in parts.iter().zip(value.splitn(parts.len(), ':')) {
                            if !value.is_empty() {
                                push_element(&format!("g:{part}"), value, out);
                            }
                        }
                        out.push_str(&format!("</{name}>\n"));
                    }
                }
            }
        }
        out.push_str("</item>\n");
    }

    fn tail(&self) -> &'static str {
        "</channel>\n</rss>\n"
    }

    fn open(&self, input: Box<dyn BufRead>) -> Result<(Head, Box<dyn Rows>), String> {
        let mut items = Items::new(input);
        let head = items.read_head()?;
        Ok((head, Box::new(items)))
    }

    fn resume(&self, input: Box<dyn BufRead>) -> Box<dyn Rows> {
        Box::new(Items::new(input))
    }
}

fn push_element(name: &str, value: &str, out: &mut String) {
    out.push_str(&format!("<{name}>{}</{name}>\n", escape(value)));
}

/// One step through the file: what an element's start, text and end come down to.
enum Step {
    Open(String),
    /// The element's name and the text directly before its end.
    Close(String, String),
    End,
}

struct Items {
    reader: Reader<Box<dyn BufRead>>,
    buffer: Vec<u8>,
    /// `<item>` was read already.
    inside: bool,
}

impl Items {
    fn new(input: Box<dyn BufRead>) -> Self {
        let mut reader = Reader::from_reader(input);
        // A read that goes on in the middle never sees the start of `<channel>`. That everything matches is
        // made sure of by comparing the bytes.
        reader.config_mut().allow_unmatched_ends = true;
        Self {
            reader,
            buffer: Vec::new(),
            inside: false,
        }
    }

    fn step(&mut self) -> Result<Step, String> {
        let mut text = String::new();
        loop {
            self.buffer.clear();
            let event = self
                .reader
                .read_event_into(&mut self.buffer)
                .map_err(|error| format!("it is not well-formed XML: {error}"))?;
            match event {
                Event::Start(start) => return Ok(Step::Open(start.name().0.to_owned())),
                Event::End(end) => return Ok(Step::Close(end.name().0.to_owned(), text)),
                Event::Eof => return Ok(Step::End),
                Event::Text(part) => text.push_str(&part.xml10_content()),
                Event::GeneralRef(reference) => text.push(resolve(&reference)?),
                Event::Decl(_) => {}
                _ => return Err("it holds something that skucast does not write".to_owned()),
            }
        }
    }

    fn read_head(&mut self) -> Result<Head, String> {
        let mut head = Head::default();
        loop {
            match self.step()? {
                Step::Open(name) if name == "item" => {
                    self.inside = true;
                    return Ok(head);
                }
                Step::Open(_) => {}
                Step::Close(name, text) => match name.as_str() {
                    "title" => head.title = text,
                    "link" => head.link = text,
                    "description" => head.description = text,
                    "channel" => return Ok(head),
                    other => return Err(format!("`{other}` is not expected before the items")),
                },
                Step::End => return Err("it is no RSS file, or was cut short".to_owned()),
            }
        }
    }

    fn read_item(&mut self) -> Result<Row, String> {
        let mut row = Row::empty(&GOOGLE);
        loop {
            match self.step()? {
                Step::Open(name) => {
                    let column = name.strip_prefix("g:").unwrap_or(&name);
                    let position = GOOGLE
                        .position(column)
                        .ok_or_else(|| format!("`{name}` is not an element skucast writes"))?;
                    let value = self.read_value(&GOOGLE.columns[position])?;
                    row.cells[position].push(value);
                }
                Step::Close(name, _) if name == "item" => return Ok(row),
                Step::Close(name, _) => return Err(format!("`{name}` ends where it never began")),
                Step::End => return Err("the file was cut short".to_owned()),
            }
        }
    }

    fn read_value(&mut self, column: &Column) -> Result<String, String> {
        let Shape::Groups(parts) = column.shape else {
            return match self.step()? {
                Step::Close(_, text) => Ok(text),
                _ => Err(format!("`{}` has no end", column.name)),
            };
        };
        let mut values = vec![String::new(); parts.len()];
        loop {
            match self.step()? {
                Step::Open(_) => {}
                Step::Close(name, text) => {
                    let part = name.strip_prefix("g:").unwrap_or(&name);
                    if part == column.name {
                        return Ok(values.join(":"));
                    }
                    let position = parts
                        .iter()
                        .position(|known| *known == part)
                        .ok_or_else(|| format!("`{name}` is no part of `{}`", column.name))?;
                    values[position] = text;
                }
                Step::End => return Err("the file was cut short".to_owned()),
            }
        }
    }
}

impl Rows for Items {
    fn next(&mut self) -> Result<Option<Row>, String> {
        if !std::mem::take(&mut self.inside) {
            match self.step()? {
                Step::Open(name) if name == "item" => {}
                Step::Open(name) => return Err(format!("`{name}` stands where an item should")),
                Step::Close(..) | Step::End => return Ok(None),
            }
        }
        self.read_item().map(Some)
    }
}

fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<char, String> {
    let unknown = || "it holds an entity that skucast does not write".to_owned();
    if let Some(c) = reference.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(c);
    }
    match reference.xml10_content().as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(unknown()),
    }
}
