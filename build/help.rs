//! The pages of Help, made of `docs/` when the program is built: Markdown becomes HTML here, so that no browser has to
//! parse it and nothing but this code can put markup into the page.
//!
//! `docs/README.md` is the list: its headings are the groups, its links the pages in their order, and what stands behind a
//! link says what the page is about. What it lists under [`NOT_IN_HELP`] stays with the sources. HTML in a page is shown as
//! the text it is, pictures are left out, and a link that leads out of Help is its text.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The group of `docs/README.md` that is for people who work on the program.
pub(crate) const NOT_IN_HELP: &str = "How it is made";

/// Before the ids of headings, so that none of them is one of the page's own.
const ID_PREFIX: &str = "doc-";

/// A page as `docs/README.md` lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The file's name without `.md`.
    pub(crate) name: String,
    /// The heading over it.
    pub(crate) group: String,
    /// What it is called there.
    pub(crate) title: String,
    /// One sentence.
    pub(crate) about: String,
}

/// All of Help as JSON: `[{"name", "group", "title", "about", "html"}]`.
pub(crate) fn bundle(docs: &Path) -> io::Result<Vec<u8>> {
    let listed: Vec<Listed> =
        list(&fs::read_to_string(docs.join("README.md"))?).into_iter().filter(|it| it.group != NOT_IN_HELP).collect();
    let mut pages = Vec::new();
    for page in &listed {
        let file = docs.join(format!("{}.md", page.name));
        let text = fs::read_to_string(&file)
            .map_err(|error| io::Error::other(format!("{}, which docs/README.md lists: {error}", file.display())))?;
        let html =
            render(&text, &page.name, &|name| listed.iter().find(|it| it.name == name).map(|it| it.title.as_str()));
        let fields = [
            ("name", &page.name),
            ("group", &page.group),
            ("title", &page.title),
            ("about", &page.about),
            ("html", &html),
        ];
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!("\"{key}\":{}", json(value))).collect();
        pages.push(format!("{{{}}}", fields.join(",")));
    }
    Ok(format!("[{}]", pages.join(",\n")).into_bytes())
}

/// The pages in the order of the list.
pub(crate) fn list(readme: &str) -> Vec<Listed> {
    let (mut group, mut all) = (String::new(), Vec::<Listed>::new());
    let (mut in_heading, mut in_link, mut behind) = (false, false, false);
    for event in Parser::new_ext(readme, options()) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                group.clear();
                in_heading = true;
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Start(Tag::Link { dest_url, .. }) if !behind => {
                if let Some(name) = dest_url.strip_suffix(".md").filter(|it| !it.contains('/')) {
                    let (name, group) = (name.to_owned(), group.clone());
                    all.push(Listed { name, group, title: String::new(), about: String::new() });
                    in_link = true;
                }
            }
            Event::End(TagEnd::Link) if in_link => (in_link, behind) = (false, true),
            Event::End(TagEnd::Item | TagEnd::Paragraph) => behind = false,
            Event::Text(text) | Event::Code(text) => match all.last_mut() {
                _ if in_heading => group.push_str(&text),
                Some(page) if in_link => page.title.push_str(&text),
                Some(page) if behind => page.about.push_str(&text),
                _ => {}
            },
            Event::SoftBreak if behind => all.iter_mut().rev().take(1).for_each(|page| page.about.push(' ')),
            _ => {}
        }
    }
    for page in &mut all {
        let about = page.about.trim_start_matches(':').trim();
        page.about = about.to_owned();
    }
    all
}

/// A page's HTML. `title_of` tells which other pages there are.
fn render<'t>(markdown: &str, name: &str, title_of: &dyn Fn(&str) -> Option<&'t str>) -> String {
    let mut slugs = Slugs::default();
    let mut out = Vec::new();
    let mut links = Vec::new();
    let mut events = Parser::new_ext(markdown, options());
    while let Some(event) = events.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                let inside: Vec<Event<'_>> =
                    events.by_ref().take_while(|it| !matches!(it, Event::End(TagEnd::Heading(_)))).collect();
                heading(level, inside, name, &mut slugs, &mut out);
            }
            Event::Start(Tag::CodeBlock(_)) => {
                let text: String = events
                    .by_ref()
                    .take_while(|it| !matches!(it, Event::End(TagEnd::CodeBlock)))
                    .filter_map(|it| if let Event::Text(text) = it { Some(text.to_string()) } else { None })
                    .collect();
                out.push(markup(format!(
                    "<div class=\"help-code\"><pre tabindex=\"0\"><code>{}</code></pre>\
                     <button type=\"button\" class=\"button button-plain\">Copy</button></div>",
                    escaped(text.trim_end())
                )));
            }
            Event::Start(Tag::Image { .. }) => {
                events.by_ref().take_while(|it| !matches!(it, Event::End(TagEnd::Image))).for_each(drop);
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let start = link(&dest_url, name, title_of);
                links.push(start.is_some());
                out.extend(start.map(markup));
            }
            // In the sources a page is called by its file, to its readers by its title.
            Event::Text(text) if links.last() == Some(&true) && text.ends_with(".md") => {
                let title = title_of(text.trim_end_matches(".md")).map(|title| title.to_owned().into());
                out.push(Event::Text(title.unwrap_or(text)));
            }
            Event::End(TagEnd::Link) => {
                if links.pop() == Some(true) {
                    out.push(markup("</a>".to_owned()));
                }
            }
            Event::Start(Tag::Table(columns)) => {
                out.push(markup("<div class=\"help-table\" tabindex=\"0\">".to_owned()));
                out.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(markup("</div>".to_owned()));
            }
            Event::Html(text) | Event::InlineHtml(text) => out.push(Event::Text(text)),
            event => out.push(event),
        }
    }
    let mut page = String::new();
    html::push_html(&mut page, out.into_iter());
    page
}

fn heading<'a>(level: HeadingLevel, inside: Vec<Event<'a>>, name: &str, slugs: &mut Slugs, out: &mut Vec<Event<'a>>) {
    let words = words(&inside);
    let slug = slugs.next(&words);
    out.push(markup(format!("<{level} id=\"{ID_PREFIX}{slug}\" tabindex=\"-1\">")));
    out.extend(inside);
    if level != HeadingLevel::H1 {
        out.push(markup(format!(
            " <a class=\"help-anchor\" href=\"/help/{name}#{slug}\" aria-label=\"Link to “{}”\">#</a>",
            escaped(&words)
        )));
    }
    out.push(markup(format!("</{level}>\n")));
}

/// The beginning of a link, or nothing if it leads to what is not here.
fn link<'t>(address: &str, name: &str, title_of: &dyn Fn(&str) -> Option<&'t str>) -> Option<String> {
    if address.starts_with("https://") {
        return Some(format!("<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">", escaped(address)));
    }
    let (file, anchor) = address.split_once('#').unwrap_or((address, ""));
    let page = if file.is_empty() { name } else { file.strip_suffix(".md").filter(|it| title_of(it).is_some())? };
    let anchor = if anchor.is_empty() { String::new() } else { format!("#{}", escaped(anchor)) };
    Some(format!("<a href=\"/help/{page}{anchor}\">"))
}

/// The anchors of a page's headings, in their order, as code hosts make them.
#[cfg_attr(not(test), expect(dead_code, reason = "tests hold links against it"))]
pub(crate) fn anchors(markdown: &str) -> Vec<String> {
    let mut slugs = Slugs::default();
    let mut events = Parser::new_ext(markdown, options());
    let mut all = Vec::new();
    while let Some(event) = events.next() {
        if matches!(event, Event::Start(Tag::Heading { .. })) {
            let inside: Vec<Event<'_>> =
                events.by_ref().take_while(|it| !matches!(it, Event::End(TagEnd::Heading(_)))).collect();
            all.push(slugs.next(&words(&inside)));
        }
    }
    all
}

/// What Markdown may do in our pages.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES
}

fn words(events: &[Event<'_>]) -> String {
    events.iter().filter_map(|it| if let Event::Text(it) | Event::Code(it) = it { Some(&**it) } else { None }).collect()
}

/// Anchors given out so far.
#[derive(Default)]
struct Slugs(BTreeMap<String, u32>);

impl Slugs {
    fn next(&mut self, words: &str) -> String {
        let kept = words.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
        let slug: String = kept.flat_map(char::to_lowercase).map(|it| if it == ' ' { '-' } else { it }).collect();
        let times = self.0.entry(slug.clone()).or_default();
        *times += 1;
        if *times == 1 { slug } else { format!("{slug}-{}", *times - 1) }
    }
}

fn markup<'a>(text: String) -> Event<'a> {
    Event::Html(text.into())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A string of JSON.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            // Nothing that Markdown makes holds other control characters; as blanks they would do no harm.
            control if control < ' ' => out.push(' '),
            other => out.push(other),
        }
    }
    out + "\""
}
