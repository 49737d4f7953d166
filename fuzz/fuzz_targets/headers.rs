//! The HTTP headers that we read ourselves: cookie, origin, host, forwarded-for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sessionforge::server::fuzzing;

fuzz_target!(|headers: (&str, &str, &str, &str)| {
    let (cookie, host, origin, forwarded) = headers;
    fuzzing::headers(cookie.as_bytes(), host.as_bytes(), origin.as_bytes(), forwarded.as_bytes());
});
