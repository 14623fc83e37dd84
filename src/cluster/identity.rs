//! UIDs and generated names: a function of the seed and a counter.

use crate::units::Seed;

/// Where identifiers come from.
#[derive(Debug)]
pub(super) struct Identities {
    uids: Seed,
    names: Seed,
    next_uid: u64,
    next_name: u64,
}

impl Identities {
    /// All identifiers under one seed.
    pub(super) fn new(seed: Seed) -> Self {
        Self { uids: seed.label("uid"), names: seed.label("name"), next_uid: 0, next_name: 0 }
    }

    /// The next UID, in the form of a random UUID (RFC 9562, version 4).
    pub(super) fn uid(&mut self) -> String {
        let mut bits = self.uids.index(self.next_uid).stream();
        self.next_uid += 1;
        let (high, low) = (bits.next_bits(), bits.next_bits());
        let high = high & !0xf000 | 0x4000;
        let low = low & !(0b11 << 62) | 0b10 << 62;
        let mut uid = String::with_capacity(36);
        let digits = |uid: &mut String, bits: u64, count: u32| {
            for digit in (0..count).rev() {
                let nibble = u32::try_from(bits >> (4 * digit) & 0xf).unwrap_or(0);
                uid.push(char::from_digit(nibble, 16).unwrap_or('0'));
            }
        };
        digits(&mut uid, high >> 32, 8);
        uid.push('-');
        digits(&mut uid, high >> 16, 4);
        uid.push('-');
        digits(&mut uid, high, 4);
        uid.push('-');
        digits(&mut uid, low >> 48, 4);
        uid.push('-');
        digits(&mut uid, low, 12);
        uid
    }

    /// A name from its beginning: five characters are added, without vowels, so that no word comes out.
    pub(super) fn name(&mut self, base: &str) -> String {
        const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        const LONGEST_BASE: usize = 58;
        let mut bits = self.names.index(self.next_name).stream();
        self.next_name += 1;
        let end = (0..=LONGEST_BASE.min(base.len())).rev().find(|at| base.is_char_boundary(*at)).unwrap_or(0);
        let mut name = base.get(..end).unwrap_or_default().to_owned();
        name.extend((0..5).filter_map(|_| ALPHABET.get(bits.below(ALPHABET.len()))).map(|byte| char::from(*byte)));
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_version_4_uuids_that_the_seed_determines() {
        let mut identities = Identities::new(Seed::new(1));
        let first = identities.uid();
        assert_eq!(first.len(), 36);
        assert_eq!(first.match_indices('-').map(|(at, _)| at).collect::<Vec<_>>(), [8, 13, 18, 23]);
        assert_eq!(&first[14..15], "4");
        assert!(matches!(&first[19..20], "8" | "9" | "a" | "b"));
        assert_ne!(first, identities.uid());
        assert_eq!(first, Identities::new(Seed::new(1)).uid());
        assert_ne!(first, Identities::new(Seed::new(2)).uid());
    }

    #[test]
    fn generated_names_begin_as_asked_and_fit_a_label() {
        let mut identities = Identities::new(Seed::new(1));
        let name = identities.name("ci-");
        assert!(name.starts_with("ci-") && name.len() == 8, "{name}");
        assert_ne!(name, identities.name("ci-"));
        assert_eq!(identities.name(&"a".repeat(100)).len(), 63);
    }
}
