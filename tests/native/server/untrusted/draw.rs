//! Draws choices from bytes: the same bytes always make the same history, and a fuzzer learns which
//! bytes lead where.

/// The bytes that are left. After their end, every draw is zero or empty.
pub struct Draw {
    bytes: Vec<u8>,
    at: usize,
}

impl Draw {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.to_vec(), at: 0 }
    }

    pub fn is_over(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn take(&mut self, length: usize) -> &[u8] {
        let begin = self.at.min(self.bytes.len());
        self.at = (begin + length).min(self.bytes.len());
        &self.bytes[begin..self.at]
    }

    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub fn yes(&mut self) -> bool {
        self.byte() % 2 == 1
    }

    /// A number below `limit`, which is at most 65,536.
    pub fn below(&mut self, limit: usize) -> usize {
        let high = if limit > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high | usize::from(self.byte())) % limit
    }

    pub fn number(&mut self) -> u64 {
        self.take(8).iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Up to 255 bytes.
    pub fn bytes(&mut self) -> Vec<u8> {
        let length = self.byte().into();
        self.take(length).to_vec()
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> Vec<u8> {
        self.take(usize::MAX - self.at).to_vec()
    }

    /// Up to 255 bytes as text.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(&self.bytes()).into_owned()
    }

    /// The same text, unless a few of its bytes are changed, removed or repeated.
    pub fn damaged(&mut self, text: &[u8]) -> Vec<u8> {
        let mut text = text.to_vec();
        for _ in 0..self.below(4) {
            let at = self.below(text.len().clamp(1, 65_536));
            match self.below(4) {
                0 if at < text.len() => text[at] = self.byte(),
                1 if at < text.len() => drop(text.remove(at)),
                2 => text.truncate(at),
                _ => {
                    let more = self.bytes();
                    text.splice(at.min(text.len())..at.min(text.len()), more);
                }
            }
        }
        text
    }
}
