//! Request and response headers.
//!
//! Which form a header has follows from the API key and version inside it: flexible versions
//! end it with a tagged section. Two old rules stay for the sake of the first request of a
//! connection: the client id always has the short form's length, and the response to
//! `ApiVersions` never has a tagged section (KIP-511), since the client may not know yet which
//! versions the broker speaks.

use std::fmt;

use bytes::BufMut;

use super::api_key::ApiKey;
use super::error::{DecodeError, EncodeError};
use super::field::{Field, Form};
use super::reader::Reader;
use super::text::Str;
use super::writer::Writer;

/// What precedes each request body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHeader {
    /// The API that is called.
    pub api_key: ApiKey,
    /// The version of request and response; whether it is served is for the caller to check.
    pub api_version: i16,
    /// Chosen by the client, repeated in the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<Str>,
}

/// A header that cannot be used. The connection ends: without it nothing can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// An API key that Kafka does not have.
    UnknownApi {
        /// The key.
        api_key: i16,
        /// The version that came with it.
        api_version: i16,
    },
    /// The bytes are no header.
    Malformed(DecodeError),
}

impl From<DecodeError> for HeaderError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownApi { api_key, api_version } => {
                write!(f, "API key {api_key} (version {api_version}) does not exist")
            }
            Self::Malformed(error) => write!(f, "request header: {error}"),
        }
    }
}

impl std::error::Error for HeaderError {}

const CLIENT_ID: Form = Form { version: 1, flexible: false, nullable: true };

impl RequestHeader {
    /// Reads a header; the body follows in the reader.
    pub fn parse(r: &mut Reader<'_>) -> Result<Self, HeaderError> {
        let at = |field| move |error: DecodeError| error.within("RequestHeader", field);
        let api_key = r.int16().map_err(at("api_key"))?;
        let api_version = r.int16().map_err(at("api_version"))?;
        let correlation_id = r.int32().map_err(at("correlation_id"))?;
        let Some(api_key) = ApiKey::from_code(api_key) else {
            return Err(HeaderError::UnknownApi { api_key, api_version });
        };
        let client_id = Field::read(r, CLIENT_ID).map_err(at("client_id"))?;
        if api_key.is_flexible(api_version) {
            r.skip_tagged().map_err(at("tagged fields"))?;
        }
        Ok(Self { api_key, api_version, correlation_id, client_id })
    }

    /// Appends a header.
    pub fn encode(&self, w: &mut Writer) -> Result<(), EncodeError> {
        w.buffer().put_i16(self.api_key.code());
        w.buffer().put_i16(self.api_version);
        w.buffer().put_i32(self.correlation_id);
        self.client_id.write(w, CLIENT_ID)?;
        if self.api_key.is_flexible(self.api_version) {
            w.unsigned_varint(0);
        }
        Ok(())
    }
}

/// What precedes each response body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHeader {
    /// That of the request.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads the header of the response to this API and version.
    pub fn parse(
        r: &mut Reader<'_>,
        api_key: ApiKey,
        api_version: i16,
    ) -> Result<Self, DecodeError> {
        let correlation_id =
            r.int32().map_err(|error| error.within("ResponseHeader", "correlation_id"))?;
        if has_tagged_section(api_key, api_version) {
            r.skip_tagged().map_err(|error| error.within("ResponseHeader", "tagged fields"))?;
        }
        Ok(Self { correlation_id })
    }

    /// Appends the header of a response to this API and version.
    pub fn encode(self, w: &mut Writer, api_key: ApiKey, api_version: i16) {
        w.buffer().put_i32(self.correlation_id);
        if has_tagged_section(api_key, api_version) {
            w.unsigned_varint(0);
        }
    }
}

fn has_tagged_section(api_key: ApiKey, api_version: i16) -> bool {
    api_key != ApiKey::ApiVersions && api_key.is_flexible(api_version)
}
