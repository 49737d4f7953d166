//! Text inside an address: everything but letters, digits and `-._~` as `%XX` (RFC 3986, 2.1).

/// `text` as it may stand in a path or a query.
pub fn percent(text: &str) -> String {
    text.bytes().map(escaped).collect()
}

fn escaped(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn what_means_something_in_an_address_is_escaped() {
        assert_eq!(percent("ada+é&x=1@example.org"), "ada%2B%C3%A9%26x%3D1%40example.org");
        assert_eq!(percent("a-b.c_d~e"), "a-b.c_d~e");
    }
}
