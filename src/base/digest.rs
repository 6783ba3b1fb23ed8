//! Digests that protocols ask for: SHA-256, HMAC with it, and CRAM-MD5's.

use md5::{Digest as _, Md5};

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push_str(&format!("{byte:02x}"));
    }
    out
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref())
}

/// SHA-1 in hexadecimal. Not for anything new.
pub fn sha1_hex(bytes: &[u8]) -> String {
    let digest = &ring::digest::SHA1_FOR_LEGACY_USE_ONLY;
    hex(ring::digest::digest(digest, bytes).as_ref())
}

/// SHA-512 in hexadecimal.
pub fn sha512_hex(bytes: &[u8]) -> String {
    hex(ring::digest::digest(&ring::digest::SHA512, bytes).as_ref())
}

/// SHA3-256 in hexadecimal.
pub fn sha3_256_hex(bytes: &[u8]) -> String {
    hex(&sha3::Sha3_256::digest(bytes))
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key);
    ring::hmac::sign(&key, bytes).as_ref().to_vec()
}

/// The same, in hexadecimal.
pub fn hmac_sha256_hex(key: &[u8], bytes: &[u8]) -> String {
    hex(&hmac_sha256(key, bytes))
}

/// HMAC-MD5 in hexadecimal: what CRAM-MD5 (RFC 2195) answers. Not for anything new.
pub fn hmac_md5_hex(key: &[u8], bytes: &[u8]) -> String {
    const BLOCK: usize = 64;
    let mut block = [0u8; BLOCK];
    if key.len() > BLOCK {
        block[..16].copy_from_slice(&Md5::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |with: u8| block.map(|b| b ^ with);
    let inner = Md5::new()
        .chain_update(pad(0x36))
        .chain_update(bytes)
        .finalize();
    hex(&Md5::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_their_documents() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            sha3_256_hex(b"abc"),
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
        );
        assert!(sha512_hex(b"abc").starts_with("ddaf35a193617abacc417349ae204131"));
        // RFC 2104 and RFC 4231, "what do ya want for nothing?" under the key Jefe.
        let said = b"what do ya want for nothing?";
        assert_eq!(
            hmac_md5_hex(b"Jefe", said),
            "750c783e6ab0b503eaa86e310a5db738"
        );
        assert_eq!(
            hmac_sha256_hex(b"Jefe", said),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
