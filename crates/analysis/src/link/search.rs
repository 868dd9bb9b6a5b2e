//! The best way from every place where data comes from to every sink it reaches, over all stores of the image.
//!
//! The search goes forwards, once for each place: a fact that has the data fills reads, and facts have what these read.
//! Ways are compared as a reader of the report would: all parts reached from an entry point first, then no doubts, then
//! few apps, few stores and few steps; the first found in that order is the best (Dijkstra), and only that one is told. A way that
//! is doubtful and passes many apps is not followed, so that another, nearer one may come to the same place.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use super::{Hop, Node};

/// A way that is less than certain and passes from app to app this often is counted, and not followed: every app on it is a
/// place where unlike things may have been taken for one, and where every app talks to a few services such ways lead from all
/// to all.
pub(crate) const DOUBTFUL_PASSAGES_MAX: u8 = 2;
/// Longest chain of stores one flow may pass.
const CHAIN_FACTS_MAX: u8 = 12;
/// Places looked at by all searches of an image together: each has its share, whoever searches when; more is cut, and counted.
const SEARCH_WORK_MAX: u64 = 400_000_000;
/// The least share of one search.
const SEARCH_SHARE_MIN: u64 = 200_000;

/// The bits of the steps of a way.
const STEPS_MASK: u32 = 0x00ff_ffff;

/// What makes a way worse, the worst first.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Drawbacks {
    /// Facts that no entry point leads to.
    pub(super) unreached: u8,
    /// Facts and names that are less than certain.
    pub(super) doubtful: u8,
    /// How often it passes from app to app.
    pub(super) passages: u8,
    /// Facts on the way.
    pub(super) facts: u8,
    /// Of what is less than certain, that where the way itself may be none. (Where little of the data goes on, the way is there.)
    pub(super) uncertain: u8,
    /// Steps of its traces.
    pub(super) steps: u32,
}

/// Drawbacks in order, in one number: comparing and adding is what a search does most. A way has at most one fact more than
/// [`CHAIN_FACTS_MAX`] and as many joins, so no drawback but the steps, which are last, can run over its eight bits; and traces
/// have less than a hundred steps each, so all of them stay within 24 bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost(u64);

impl Cost {
    pub(super) const fn new(drawbacks: Drawbacks) -> Self {
        let Drawbacks { unreached, doubtful, passages, facts, uncertain, steps } = drawbacks;
        let sure = (unreached as u64) << 56 | (doubtful as u64) << 48;
        let far = (passages as u64) << 40 | (facts as u64) << 32;
        Self(sure | far | (uncertain as u64) << 24 | (steps & STEPS_MASK) as u64)
    }

    pub(super) const fn drawbacks(self) -> Drawbacks {
        let [unreached, doubtful, passages, facts, uncertain, ..] = self.0.to_be_bytes();
        Drawbacks { unreached, doubtful, passages, facts, uncertain, steps: self.0 as u32 & STEPS_MASK }
    }

    const fn facts(self) -> u8 {
        (self.0 >> 32) as u8
    }

    /// Whether a way passes many apps, and not every step of it is certain.
    const fn is_far_fetched(self) -> bool {
        (self.0 >> 24) as u8 > 0 && (self.0 >> 40) as u8 >= DOUBTFUL_PASSAGES_MAX
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// One of the data of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Datum {
    /// Number of the fact in the graph.
    pub(super) fact: u32,
    /// Position among its data.
    pub(super) data: u32,
}

/// A fact may have filled what a read gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fill {
    /// Number of the read.
    pub(super) read: u32,
    /// Number of the reason that lets it, if apps differ.
    pub(super) reason: Option<u32>,
    /// Whether a name was only partly known.
    pub(super) partly: bool,
}

/// What fills what, by small numbers.
#[derive(Debug, Default)]
pub(super) struct Graph {
    /// The place of each fact.
    pub(super) nodes: Vec<Node>,
    /// For each fact, what it fills.
    pub(super) fills: Vec<Vec<Fill>>,
    /// For each fact, what each of its data costs.
    pub(super) costs: Vec<Vec<Cost>>,
    /// For each read, the data that are it.
    pub(super) readers: Vec<Vec<Datum>>,
}

/// What searches for one kind of data look for.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// For each fact, whether it is a sink at which a rule speaks of such data.
    pub(super) sinks: Vec<bool>,
    /// Whether such a sink is ahead of a place. Facts first, then reads.
    leads: Vec<bool>,
}

/// A way of data from a place to a sink.
pub(super) struct Way {
    /// Number of the fact that is the sink.
    pub(super) sink: u32,
    /// From the sink back.
    pub(super) chain: Vec<Hop>,
    /// Numbers of the reasons that let it pass between apps.
    pub(super) reasons: Vec<u32>,
    pub(super) partly: bool,
}

/// Where a search came from to a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum From {
    /// To a fact, by one of its data: from the read, or from the place itself.
    Data(u32, Option<u32>),
    /// To a read, from a fact: position among what it fills.
    Fill(u32, u32),
}

/// A place the search may go on to.
type Next = Reverse<(Cost, u32, From)>;

/// What a search knows of a place.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// The last search that came here: what follows is of that one.
    search: u32,
    /// Whether the best way to it is known.
    is_settled: bool,
    /// The best way found so far.
    cost: Cost,
    from: From,
}

/// Searches one after the other over the same graph.
pub(super) struct Search<'g> {
    graph: &'g Graph,
    /// Places that one search may look at.
    share: u64,
    known: Vec<Known>,
    number: u32,
    work: u64,
    pending: BinaryHeap<Next>,
    left: Left,
}

/// What a search did not do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Whether it was cut.
    pub(super) cut: bool,
    /// Doubtful ways over many apps that were not followed.
    pub(super) far_fetched: u64,
}

impl<'g> Search<'g> {
    /// For one of `searches`.
    pub(super) fn new(graph: &'g Graph, searches: usize) -> Self {
        let share = (SEARCH_WORK_MAX / searches.max(1) as u64).max(SEARCH_SHARE_MIN);
        let places = graph.nodes.len() + graph.readers.len();
        let nothing = Known { search: 0, is_settled: false, cost: Cost::default(), from: From::Data(0, None) };
        let known = vec![nothing; places];
        Self { graph, share, known, number: 0, work: 0, pending: BinaryHeap::new(), left: Left::default() }
    }

    fn read_place(&self, read: u32) -> u32 {
        self.graph.nodes.len() as u32 + read
    }

    /// Tells the best way from `starts`, data of the same place, to each sink that is wanted. Ways end at a read that is itself known to
    /// be the same kind of data (`knows`): that read is a nearer place to tell them from.
    pub(super) fn run(
        &mut self,
        starts: &[Datum],
        wanted: &Wanted,
        knows: &dyn Fn(u32) -> bool,
        tell: &mut dyn FnMut(Cost, Way),
    ) -> Left {
        self.number += 1;
        self.work = 0;
        self.pending.clear();
        self.left = Left::default();
        starts.iter().for_each(|&start| self.reach(Cost::default(), start, None, wanted));
        while let Some(Reverse((cost, place, _))) = self.pending.pop() {
            if self.work >= self.share {
                self.left.cut = true;
                break;
            }
            let Some(known) = self.known.get_mut(place as usize) else { continue };
            if std::mem::replace(&mut known.is_settled, true) {
                continue;
            }
            match place.checked_sub(self.graph.nodes.len() as u32) {
                Some(read) => self.leave_read(cost, read, wanted),
                None => self.left.cut |= self.leave_fact(cost, place, wanted, knows, tell),
            }
        }
        self.left
    }

    /// A way to a place: to be looked at in its turn, if none is known that is better. Hundreds of ways may lead to one place.
    fn offer(&mut self, cost: Cost, place: u32, from: From) {
        let Some(known) = self.known.get_mut(place as usize) else { return };
        let is_known = known.search == self.number;
        if is_known && (known.is_settled || (known.cost, known.from) <= (cost, from)) {
            return;
        }
        if cost.is_far_fetched() {
            self.left.far_fetched += 1;
            return;
        }
        *known = Known { search: self.number, is_settled: false, cost, from };
        self.pending.push(Reverse((cost, place, from)));
    }

    fn leave_read(&mut self, cost: Cost, read: u32, wanted: &Wanted) {
        let readers = self.graph.readers.get(read as usize).map(Vec::as_slice).unwrap_or_default();
        readers.iter().for_each(|&datum| self.reach(cost, datum, Some(read), wanted));
    }

    /// Whether the way is cut here.
    fn leave_fact(
        &mut self,
        cost: Cost,
        fact: u32,
        wanted: &Wanted,
        knows: &dyn Fn(u32) -> bool,
        tell: &mut dyn FnMut(Cost, Way),
    ) -> bool {
        if wanted.sinks.get(fact as usize).copied().unwrap_or(false) {
            tell(cost, self.way(fact));
        }
        let fills = self.graph.fills.get(fact as usize).map(Vec::as_slice).unwrap_or_default();
        if cost.facts() >= CHAIN_FACTS_MAX {
            return fills.iter().any(|fill| !knows(fill.read) && self.is_ahead(self.read_place(fill.read), wanted));
        }
        for (position, fill) in fills.iter().enumerate() {
            self.work += 1;
            let place = self.read_place(fill.read);
            if wanted.leads(place) && !knows(fill.read) {
                let passage = u8::from(fill.reason.is_some());
                let partly = u8::from(fill.partly);
                let own = Drawbacks { doubtful: partly, uncertain: partly, passages: passage, ..Drawbacks::default() };
                self.offer(cost.and(Cost::new(own)), place, From::Fill(fact, position as u32));
            }
        }
        false
    }

    fn is_ahead(&self, place: u32, wanted: &Wanted) -> bool {
        let is_settled = |known: &Known| known.search == self.number && known.is_settled;
        wanted.leads(place) && !self.known.get(place as usize).is_some_and(is_settled)
    }

    fn reach(&mut self, cost: Cost, datum: Datum, read: Option<u32>, wanted: &Wanted) {
        self.work += 1;
        let own = self.graph.costs.get(datum.fact as usize).and_then(|costs| costs.get(datum.data as usize));
        if let Some(own) = own.filter(|_| wanted.leads(datum.fact)) {
            self.offer(cost.and(*own), datum.fact, From::Data(datum.data, read));
        }
    }

    /// The way back from a fact.
    fn way(&self, sink: u32) -> Way {
        let mut way = Way { sink, chain: Vec::new(), reasons: Vec::new(), partly: false };
        let mut fact = sink;
        // Each turn goes one fact back, and a chain has only so many.
        for _ in 0..=CHAIN_FACTS_MAX {
            let Some(From::Data(data, read)) = self.known.get(fact as usize).map(|known| known.from) else { break };
            let Some(&(app, position)) = self.graph.nodes.get(fact as usize) else { break };
            way.chain.push(Hop { app, fact: position, data: data as usize });
            let before = read.and_then(|read| self.known.get(self.read_place(read) as usize));
            let Some(From::Fill(filler, position)) = before.map(|known| known.from) else { break };
            if let Some(fill) = self.graph.fills.get(filler as usize).and_then(|fills| fills.get(position as usize)) {
                way.reasons.extend(fill.reason);
                way.partly |= fill.partly;
            }
            fact = filler;
        }
        way
    }
}

/// What leads to each place of a graph. Facts first, then reads.
pub(super) struct Back(Vec<Vec<u32>>);

impl Back {
    pub(super) fn of(graph: &Graph) -> Self {
        let facts = graph.nodes.len();
        let mut back: Vec<Vec<u32>> = vec![Vec::new(); facts + graph.readers.len()];
        for (fact, fills) in graph.fills.iter().enumerate() {
            for fill in fills {
                back[facts + fill.read as usize].push(fact as u32);
            }
        }
        for (read, readers) in graph.readers.iter().enumerate() {
            for datum in readers {
                let to = &mut back[datum.fact as usize];
                let place = (facts + read) as u32;
                if to.last() != Some(&place) {
                    to.push(place);
                }
            }
        }
        Self(back)
    }

    /// From which places these sinks can be reached: most facts lead nowhere, and no search need look at them.
    pub(super) fn wanted(&self, sinks: Vec<bool>) -> Wanted {
        let mut leads = vec![false; self.0.len()];
        let wanted = sinks.iter().enumerate().filter(|(_, is_wanted)| **is_wanted);
        let mut pending: Vec<u32> = wanted.map(|(fact, _)| fact as u32).collect();
        while let Some(place) = pending.pop() {
            if !std::mem::replace(&mut leads[place as usize], true) {
                pending.extend(self.0[place as usize].iter().filter(|&&before| !leads[before as usize]));
            }
        }
        Wanted { sinks, leads }
    }
}

impl Wanted {
    fn leads(&self, place: u32) -> bool {
        self.leads.get(place as usize).copied().unwrap_or(false)
    }
}

/// The data of each place where data comes from, by what a caller calls a place.
pub(super) type Starts<K> = BTreeMap<K, Vec<Datum>>;

#[cfg(test)]
mod tests {
    use super::*;

    /// Facts 0 and 1 have the data; both fill read 0, which fact 2, a sink, has.
    fn graph(first: Cost, second: Cost) -> Graph {
        let one = Cost::new(Drawbacks { facts: 1, ..Drawbacks::default() });
        let fill = |partly| vec![Fill { read: 0, reason: None, partly }];
        Graph {
            nodes: vec![(0, 0), (0, 1), (0, 2)],
            fills: vec![fill(false), fill(true), Vec::new()],
            costs: vec![vec![first], vec![second], vec![one]],
            readers: vec![vec![Datum { fact: 2, data: 0 }]],
        }
    }

    /// To look for these facts.
    fn wanted(graph: &Graph, sinks: &[usize]) -> Wanted {
        Back::of(graph).wanted((0..graph.nodes.len()).map(|fact| sinks.contains(&fact)).collect())
    }

    fn chains(graph: &Graph, known: Option<u32>) -> Vec<Vec<usize>> {
        let mut found = Vec::new();
        let starts = [Datum { fact: 0, data: 0 }, Datum { fact: 1, data: 0 }];
        Search::new(graph, 1).run(&starts, &wanted(graph, &[2]), &|read| known == Some(read), &mut |_, way| {
            found.push(way.chain.iter().map(|hop| hop.fact).collect())
        });
        found
    }

    #[test]
    fn the_surest_way_is_told_before_the_shortest() {
        let long = Cost::new(Drawbacks { facts: 1, steps: 40, ..Drawbacks::default() });
        let short = Cost::new(Drawbacks { facts: 1, steps: 2, ..Drawbacks::default() });
        assert_eq!(chains(&graph(long, short), None), [[2, 0]], "the other name is only partly known");
        let unreached = Cost::new(Drawbacks { unreached: 1, ..long.drawbacks() });
        assert_eq!(
            chains(&graph(unreached, short), None),
            [[2, 1]],
            "a doubtful name is better than code nothing leads to"
        );
    }

    #[test]
    fn what_is_not_wanted_is_not_told() {
        let one = Cost::new(Drawbacks { facts: 1, ..Drawbacks::default() });
        let (graph, start) = (graph(one, one), [Datum { fact: 0, data: 0 }]);
        let mut told = Vec::new();
        Search::new(&graph, 1).run(&start, &wanted(&graph, &[0]), &|_| false, &mut |_, way| told.push(way.sink));
        assert_eq!(told, [0]);
    }

    #[test]
    fn a_way_ends_where_the_same_data_is_known_anew() {
        let one = Cost::new(Drawbacks { facts: 1, ..Drawbacks::default() });
        assert_eq!(chains(&graph(one, one), Some(0)), Vec::<Vec<usize>>::new());
    }

    #[test]
    fn a_doubtful_way_over_many_apps_gives_way_to_a_nearer_one() {
        let one = Cost::new(Drawbacks { facts: 1, ..Drawbacks::default() });
        let fill = |read, reason| Fill { read, reason, partly: false };
        // Facts 0, 1 and 2 are of three apps, and 3 is a second fact of the first; 2 is the sink, and has what 1 or 3 gave.
        let graph = |(doubtful, uncertain)| Graph {
            nodes: vec![(0, 0), (1, 0), (2, 0), (0, 1)],
            fills: vec![
                vec![fill(0, Some(0)), fill(2, None)],
                vec![fill(1, Some(1))],
                Vec::new(),
                vec![Fill { partly: true, ..fill(1, Some(2)) }],
            ],
            costs: vec![
                vec![one],
                vec![Cost::new(Drawbacks { doubtful, uncertain, ..one.drawbacks() })],
                vec![one],
                vec![Cost::new(Drawbacks { doubtful: 1, uncertain: 1, ..one.drawbacks() })],
            ],
            readers: vec![
                vec![Datum { fact: 1, data: 0 }],
                vec![Datum { fact: 2, data: 0 }],
                vec![Datum { fact: 3, data: 0 }],
            ],
        };
        let told = |doubt| {
            let (mut found, graph) = (Vec::new(), graph(doubt));
            let start = [Datum { fact: 0, data: 0 }];
            let left = Search::new(&graph, 1).run(&start, &wanted(&graph, &[2]), &|_| false, &mut |_, way| {
                found.push(way.chain.iter().map(|hop| (hop.app, hop.fact)).collect::<Vec<_>>())
            });
            (found, left.far_fetched)
        };
        assert_eq!(told((0, 0)), (vec![vec![(2, 0), (1, 0), (0, 0)]], 0), "certain, however many apps it passes");
        assert_eq!(told((1, 0)), (vec![vec![(2, 0), (1, 0), (0, 0)]], 0), "little goes on, but it is there");
        assert_eq!(told((1, 1)), (vec![vec![(2, 0), (0, 1), (0, 0)]], 1), "more doubtful, but nearer");
    }

    #[test]
    fn circles_end_and_long_chains_are_cut() {
        let one = Cost::new(Drawbacks { facts: 1, ..Drawbacks::default() });
        let count = u32::from(CHAIN_FACTS_MAX) + 1;
        let fill = |read| vec![Fill { read, reason: None, partly: false }];
        let graph = Graph {
            nodes: (0..count as usize).map(|fact| (0, fact)).collect(),
            fills: (0..count).map(fill).collect(),
            costs: vec![vec![one]; count as usize],
            readers: (1..=count).map(|fact| vec![Datum { fact: fact % count, data: 0 }]).collect(),
        };
        let last = graph.nodes.len() - 1;
        let told = |sinks: &[usize]| {
            let mut told = 0;
            let (start, wanted) = ([Datum { fact: 0, data: 0 }], wanted(&graph, sinks));
            let left = Search::new(&graph, 1).run(&start, &wanted, &|_| false, &mut |_, way| told += way.chain.len());
            (told, left.cut)
        };
        assert_eq!(told(&[last]), (0, true), "thirteen facts are too many");
        assert_eq!(told(&[last, 2]), (3, true));
    }
}
