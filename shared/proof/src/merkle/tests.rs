use std::convert::Infallible;

use proptest::prelude::*;

use super::*;

/// RFC 9162 §2.1.1 word for word: slow and plainly right.
fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let split = largest_power_below(leaves.len());
            node_hash(&naive_root(&leaves[..split]), &naive_root(&leaves[split..]))
        }
    }
}

/// RFC 9162 §2.1.3.1 word for word.
fn naive_path(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split = largest_power_below(leaves.len());
    if index < split {
        [naive_path(index, &leaves[..split]), vec![naive_root(&leaves[split..])]].concat()
    } else {
        [naive_path(index - split, &leaves[split..]), vec![naive_root(&leaves[..split])]].concat()
    }
}

/// RFC 9162 §2.1.4.1 word for word.
fn naive_subproof(earlier: usize, leaves: &[Digest], known: bool) -> Vec<Digest> {
    if earlier == leaves.len() {
        return if known { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let split = largest_power_below(leaves.len());
    if earlier <= split {
        [naive_subproof(earlier, &leaves[..split], known), vec![naive_root(&leaves[split..])]].concat()
    } else {
        [naive_subproof(earlier - split, &leaves[split..], false), vec![naive_root(&leaves[..split])]].concat()
    }
}

fn largest_power_below(n: usize) -> usize {
    let mut power = 1;
    while power * 2 < n {
        power *= 2;
    }
    power
}

fn leaves(count: u64) -> Vec<Digest> {
    (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn leaf_source(leaves: &[Digest]) -> impl FnMut(Node) -> Result<Option<Digest>, Infallible> {
    |node| Ok(if node.level == 0 { leaves.get(node.index as usize).copied() } else { None })
}

#[test]
fn every_proof_of_every_small_tree_equals_the_definition() {
    for size in 0..=40_u64 {
        let all = leaves(size);
        let tree = Tree::new(all.clone());
        let root = naive_root(&all);
        assert_eq!(tree.root(), root);
        assert_eq!(root_of(size, leaf_source(&all)).unwrap(), root);
        for index in 0..size {
            let path = tree.inclusion_path(index).unwrap();
            assert_eq!(path, naive_path(index as usize, &all), "{index} of {size}");
            assert_eq!(inclusion_path(index, size, leaf_source(&all)).unwrap(), path);
            assert_eq!(verify_inclusion(all[index as usize], index, size, &path, &root), Ok(()));
        }
        for earlier in 1..=size {
            let proof = tree.consistency_proof(earlier).unwrap();
            assert_eq!(proof, naive_subproof(earlier as usize, &all, true), "{earlier} to {size}");
            let old = naive_root(&all[..earlier as usize]);
            assert_eq!(verify_consistency((earlier, &old), (size, &root), &proof), Ok(()));
        }
        assert_eq!(verify_consistency((0, &empty_root()), (size, &root), &[]), Ok(()));
    }
}

#[test]
fn a_frontier_grows_like_the_tree_and_reports_every_subtree() {
    let all = leaves(70);
    let mut frontier = Frontier::new();
    let mut stored = std::collections::BTreeMap::new();
    for (count, leaf) in all.iter().enumerate() {
        assert_eq!(frontier.root(), naive_root(&all[..count]));
        frontier = Frontier::from_bytes(&frontier.to_bytes()).unwrap();
        frontier.push_reporting(*leaf, |node, hash| assert!(stored.insert(node, hash).is_none()));
    }
    for (node, hash) in &stored {
        let (start, width) = ((node.index << node.level) as usize, 1 << node.level);
        assert_eq!(*hash, naive_root(&all[start..start + width]), "{node:?}");
        assert!(frontier.peak(*node).is_none_or(|peak| peak == *hash));
    }
    assert_eq!(stored.keys().filter(|node| frontier.peak(**node).is_some()).count(), frontier.peaks().len());
    // With every complete subtree stored, a path asks for few of them.
    let mut asked = 0;
    let path = inclusion_path::<Infallible>(69, 70, |node| {
        asked += 1;
        Ok(stored.get(&node).copied())
    })
    .unwrap();
    assert_eq!(path, naive_path(69, &all));
    assert!(asked <= 12, "{asked} look-ups");
}

#[test]
fn after_a_purge_the_frontier_and_later_leaves_suffice() {
    let all = leaves(53);
    for purged in 0..all.len() {
        let mut frontier = Frontier::new();
        all[..purged].iter().for_each(|leaf| frontier.push(*leaf));
        let source = |node: Node| -> Result<Option<Digest>, Infallible> {
            if let Some(peak) = frontier.peak(node) {
                return Ok(Some(peak));
            }
            let later = node.level == 0 && node.index as usize >= purged;
            Ok(if later { Some(all[node.index as usize]) } else { None })
        };
        for index in purged..all.len() {
            assert_eq!(inclusion_path(index as u64, 53, source).unwrap(), naive_path(index, &all));
        }
        for earlier in purged.max(1)..=all.len() {
            assert_eq!(consistency_proof(earlier as u64, 53, source).unwrap(), naive_subproof(earlier, &all, true));
        }
        if purged > 1 {
            assert!(matches!(inclusion_path(0, 53, source), Err(PathError::Missing(_))));
        }
    }
}

#[test]
fn nonsense_is_refused() {
    let all = leaves(7);
    let tree = Tree::new(all.clone());
    let root = tree.root();
    let path = tree.inclusion_path(2).unwrap();
    assert_eq!(verify_inclusion(all[2], 7, 7, &path, &root), Err(ProofError::Beyond { index: 7, size: 7 }));
    assert_eq!(verify_inclusion(all[2], 2, 7, &path[1..], &root), Err(ProofError::Length { found: 2 }));
    let longer = [path.clone(), vec![root]].concat();
    assert_eq!(verify_inclusion(all[2], 2, 7, &longer, &root), Err(ProofError::Length { found: 4 }));
    assert_eq!(verify_inclusion(all[3], 2, 7, &path, &root), Err(ProofError::Root));
    assert!(matches!(tree.inclusion_path(7), Err(PathError::NoSuchLeaf { .. })));
    assert!(matches!(tree.consistency_proof(8), Err(PathError::Shrinks { .. })));
    let absurd = vec![root; 200];
    assert!(verify_inclusion(all[2], 1 << 63, u64::MAX, &absurd, &root).is_err());
    assert!(verify_consistency((u64::MAX - 1, &root), (u64::MAX, &root), &absurd).is_err());
    assert!(verify_consistency((9, &root), (7, &root), &[]).is_err());
    assert!(verify_consistency((0, &root), (7, &root), &[]).is_err());
    assert!(verify_consistency((7, &root), (7, &root), &[root]).is_err());
    assert!(verify_consistency((0, &empty_root()), (0, &root), &[]).is_err());
    assert!(Frontier::from_bytes(&[0; 7]).is_err());
    assert!(Frontier::from_bytes(&[0; 40]).is_err());
    assert!(Frontier::from_bytes(&[0xff; 8 + 64 * 32]).is_err());
}

/// The "linear fake": a log that keeps its ends right and changes the middle.
#[test]
fn a_log_that_changes_its_middle_is_caught() {
    let honest = leaves(20);
    let mut lying = honest.clone();
    lying[9] = leaf_hash(b"something else");
    let (old, new) = (Tree::new(honest[..12].to_vec()), Tree::new(lying.clone()));
    let proof = new.consistency_proof(12).unwrap();
    assert_eq!(verify_consistency((12, &old.root()), (20, &new.root()), &proof), Err(ProofError::EarlierRoot));
    // Nor does mixing the honest tree's hashes into the proof help.
    let honest_proof = Tree::new(honest.clone()).consistency_proof(12).unwrap();
    for choice in 0..1_u32 << proof.len() {
        let mixed: Vec<Digest> =
            (0..proof.len()).map(|i| if choice >> i & 1 == 1 { proof[i] } else { honest_proof[i] }).collect();
        assert!(verify_consistency((12, &old.root()), (20, &new.root()), &mixed).is_err());
    }
}

proptest! {
    #[test]
    fn no_changed_proof_holds(size in 2..200_u64, index: u64, earlier: u64, at: usize, bit in 0..256_usize) {
        let (index, earlier) = (index % size, earlier % (size - 1) + 1);
        let all = leaves(size);
        let tree = Tree::new(all.clone());
        let root = tree.root();
        let flip = |proof: &mut Vec<Digest>| {
            let at = at % proof.len();
            let mut bytes = *proof[at].as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            proof[at] = Digest::from_bytes(bytes);
        };
        let mut path = tree.inclusion_path(index).unwrap();
        let leaf = all[index as usize];
        for other in 0..size {
            prop_assert_eq!(verify_inclusion(leaf, other, size, &path, &root).is_ok(), other == index);
        }
        flip(&mut path);
        prop_assert_eq!(verify_inclusion(leaf, index, size, &path, &root), Err(ProofError::Root));
        let old = naive_root(&all[..earlier as usize]);
        let mut proof = tree.consistency_proof(earlier).unwrap();
        flip(&mut proof);
        prop_assert!(verify_consistency((earlier, &old), (size, &root), &proof).is_err());
    }

    #[test]
    fn arbitrary_input_never_panics(index: u64, size: u64, later: u64, hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let hashes: Vec<Digest> = hashes.into_iter().map(Digest::from_bytes).collect();
        let _ = root_from_inclusion(Digest::ZERO, index, size, &hashes);
        let _ = verify_consistency((size, &Digest::ZERO), (later, &Digest::ZERO), &hashes);
        let _ = Frontier::from_parts(size, hashes);
    }
}
