//! Blocks against a plain map, and against every flipped byte.

use super::*;
use crate::base::fs::sim::Sim;
use proptest::prelude::*;
use std::collections::BTreeMap;

type Map = BTreeMap<Labels, BTreeMap<i64, u64>>;

const PATH: &str = "/d/1.block";
const ALL: TimeRange = TimeRange {
    start: i64::MIN,
    end: i64::MAX,
};

fn disk() -> (Arc<Sim>, Fs) {
    let sim = Sim::new();
    let fs = Fs::sim(Arc::clone(&sim));
    fs.create_dir_all(Path::new("/d")).unwrap();
    (sim, fs)
}

fn write(fs: &Fs, map: &Map) {
    let mut writer = Writer::new(fs, Path::new(PATH), i64::MIN).unwrap();
    for (labels, samples) in map {
        let mut columns = Samples::default();
        for (t, v) in samples {
            columns.push(*t, f64::from_bits(*v));
        }
        writer.add(labels, &columns).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), !map.is_empty());
}

fn open(fs: &Fs) -> Result<Arc<Block>, BlockError> {
    let cache = Arc::new(BlockCache::new(1 << 20));
    Block::open(fs, Path::new(PATH), cache).map(Arc::new)
}

fn read(block: &Arc<Block>, matchers: &[Matcher], range: TimeRange) -> Result<Map, BlockError> {
    let mut map = Map::new();
    let found = block.select(matchers, range)?;
    assert!(found.iter().map(|f| &f.0).is_sorted());
    for (labels, place) in found {
        let mut out = Samples::default();
        place.read(range, &mut out)?;
        map.insert(labels, out.iter().map(|s| (s.t, s.v.to_bits())).collect());
    }
    Ok(map)
}

fn some(series: usize, samples: i64) -> Map {
    let labels = |i: usize| {
        let i = i.to_string();
        Labels::from_pairs([("__name__", "m"), ("i", i.as_str()), ("job", "node")])
    };
    let column =
        |i: usize| (0..samples).map(move |k| (k * 15_000, (i as f64 * k as f64).to_bits()));
    (0..series)
        .map(|i| (labels(i), column(i).collect()))
        .collect()
}

#[test]
fn a_block_reads_back_by_matcher_and_range() {
    let (_, fs) = disk();
    let map = some(300, 500);
    write(&fs, &map);
    let block = open(&fs).unwrap();
    assert_eq!((block.facts.series, block.facts.samples), (300, 150_000));
    assert_eq!(read(&block, &[], ALL).unwrap(), map);
    let one = Matcher::equal("i", "77");
    let range = TimeRange::new(100_000, 200_000);
    let got = read(&block, &[one], range).unwrap();
    assert_eq!(got.len(), 1);
    assert_eq!(got.values().next().unwrap().len(), 7);
    assert!(block.facts.bytes < 40_000, "{}", block.facts.bytes);
    assert!(
        block
            .select(&[Matcher::equal("i", "x")], ALL)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn deleted_spans_are_left_out() {
    let (_, fs) = disk();
    write(&fs, &some(3, 100));
    let range = TimeRange::new(0, 14 * 15_000);
    write_gone(
        &fs,
        Path::new(PATH),
        &[(1, range), (1, TimeRange::new(99 * 15_000, i64::MAX))],
    )
    .unwrap();
    let got = read(&open(&fs).unwrap(), &[], ALL).unwrap();
    assert_eq!(
        got.values().map(BTreeMap::len).collect::<Vec<_>>(),
        [100, 84, 100]
    );
}

#[test]
fn every_flipped_byte_is_noticed_or_harmless() {
    let (sim, fs) = disk();
    let map = some(4, 30);
    write(&fs, &map);
    let len = fs.facts(Path::new(PATH)).unwrap().len as usize;
    let mut noticed = 0;
    for at in 0..len {
        for flip in [1, 0x80] {
            sim.damage(Path::new(PATH), |bytes| bytes[at] ^= flip);
            match open(&fs).and_then(|b| read(&b, &[], ALL)) {
                Ok(got) => assert_eq!(got, map, "byte {at}"),
                Err(_) => noticed += 1,
            }
            sim.damage(Path::new(PATH), |bytes| bytes[at] ^= flip);
        }
    }
    // Only the six reserved bytes of the header and the version's low bits may change unseen.
    assert!(noticed >= 2 * (len - 8), "{noticed} of {len}");
    for cut in 0..len {
        sim.damage(Path::new(PATH), |bytes| bytes.truncate(len - 1 - cut));
        assert!(open(&fs).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_map_reads_back(
        raw in prop::collection::btree_map(
            (0u8..5, 0u8..20),
            prop::collection::btree_map(-500i64..5000, any::<u64>(), 1..60), 0..40),
        from in -500i64..5000, span in 0i64..3000,
    ) {
        let (_, fs) = disk();
        let labels = |(name, i): (u8, u8)| {
            Labels::from_pairs([("__name__", format!("m{name}")), ("i", i.to_string())])
        };
        let map: Map = raw.into_iter().map(|(k, v)| (labels(k), v)).collect();
        write(&fs, &map);
        if map.is_empty() {
            prop_assert!(open(&fs).is_err());
            return Ok(());
        }
        let block = open(&fs).unwrap();
        let range = TimeRange::new(from, from + span);
        for (matchers, range) in [(vec![], ALL), (vec![Matcher::equal("i", "3")], range)] {
            let mut want = map.clone();
            want.retain(|l, _| matchers.iter().all(|m: &Matcher| m.matches_labels(l)));
            for samples in want.values_mut() {
                samples.retain(|t, _| range.contains(*t));
            }
            want.retain(|_, s| !s.is_empty());
            let mut got = read(&block, &matchers, range).unwrap();
            got.retain(|_, s| !s.is_empty());
            prop_assert_eq!(got, want);
        }
    }
}
