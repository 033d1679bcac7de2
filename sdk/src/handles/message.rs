//! What messages say of themselves: the parts of a request and the status of a response, wherever their headers are.

use super::{AccessLog, Log, RequestHeaders, ResponseHeaders};
use crate::{Cookies, Error, Paused, Query, Value, phase};

macro_rules! request {
    ($($handle:ty: $headers:ident;)*) => {
        $(impl $handle {
            /// The request's method (`:method`).
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn method(&self) -> Result<Option<Value>, Error> {
                self.$headers().get(":method")
            }

            /// The request's path with its query (`:path`).
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn path(&self) -> Result<Option<Value>, Error> {
                self.$headers().get(":path")
            }

            /// Whom the request is for (`:authority`; what HTTP/1 says in `host`, HDR-6).
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn authority(&self) -> Result<Option<Value>, Error> {
                self.$headers().get(":authority")
            }

            /// The request's scheme (`:scheme`): in Envoy that of the connection to it, or what a trusted proxy before it said.
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn scheme(&self) -> Result<Option<Value>, Error> {
                self.$headers().get(":scheme")
            }

            /// The query of the path, decoded; without pairs where there is no path or no query.
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn query(&self) -> Result<Query, Error> {
                self.path().map(Query::new)
            }

            /// The request's cookies.
            ///
            /// # Errors
            /// As [`Headers::all`](crate::Headers::all).
            pub fn cookies(&self) -> Result<Cookies, Error> {
                self.$headers().all().map(Cookies::new)
            }

            /// Whether the request is gRPC: its `content-type` is `application/grpc`, or begins with that and `+` or `;`. A local
            /// reply then becomes a gRPC status (LOC-12).
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn is_grpc(&self) -> Result<bool, Error> {
                Ok(self.$headers().get("content-type")?.is_some_and(|value| is_grpc(&value)))
            }
        })*
    };
}

request! {
    RequestHeaders<'_>: headers;
    Paused<phase::RequestHeaders>: headers;
    Log<'_>: request_headers;
    AccessLog<'_>: request_headers;
}

macro_rules! response {
    ($($handle:ty: $headers:ident;)*) => {
        $(impl $handle {
            /// The response's status (`:status`); `None` where there is none or it is no number, which Envoy refuses to send (HDR-19).
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn status(&self) -> Result<Option<u16>, Error> {
                Ok(self.$headers().get(":status")?.and_then(|value| value.to_str().ok()?.parse().ok()))
            }
        })*
    };
}

response! {
    ResponseHeaders<'_>: headers;
    Paused<phase::ResponseHeaders>: headers;
    Log<'_>: response_headers;
    AccessLog<'_>: response_headers;
}

macro_rules! either {
    ($($handle:ty;)*) => {
        $(impl $handle {
            /// The message's `content-type`, with its parameters.
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn content_type(&self) -> Result<Option<Value>, Error> {
                self.headers().get("content-type")
            }
        })*
    };
}

either! {
    RequestHeaders<'_>;
    Paused<phase::RequestHeaders>;
    ResponseHeaders<'_>;
    Paused<phase::ResponseHeaders>;
}

macro_rules! set_status {
    ($($handle:ty;)*) => {
        $(impl $handle {
            /// Replaces the response's status. The rest of the response stays: its body too.
            ///
            /// # Errors
            /// As said on [`Headers`](crate::Headers).
            pub fn set_status(&self, status: u16) -> Result<(), Error> {
                self.headers().set(":status", crate::runtime::Decimal::new(status.into()).as_bytes())
            }
        })*
    };
}

set_status! {
    ResponseHeaders<'_>;
    Paused<phase::ResponseHeaders>;
}

fn is_grpc(content_type: &[u8]) -> bool {
    match content_type.split_at_checked(b"application/grpc".len()) {
        Some((start, rest)) => start.eq_ignore_ascii_case(b"application/grpc") && matches!(rest, [] | [b'+' | b';' | b' ', ..]),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_grpc;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn loc_12_grpc_is_told_by_its_content_type() {
        for yes in ["application/grpc", "application/grpc+proto", "application/grpc;v=1", "Application/GRPC"] {
            assert!(is_grpc(yes.as_bytes()), "{yes}");
        }
        for no in ["application/grpc-web", "application/grp", "", "text/plain"] {
            assert!(!is_grpc(no.as_bytes()), "{no}");
        }
    }
}
