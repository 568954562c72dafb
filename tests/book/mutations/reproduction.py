"""Changes to the package under which *Held, reversed, unresolved* must fail."""

from tests.book.mutations import Mutation

MUTATIONS = (
    Mutation(
        "held and reversed are exchanged",
        "experiments/statistics.py",
        '"held" if mean < 0 else "reversed"',
        '"held" if mean > 0 else "reversed"',
    ),
    Mutation(
        "the level is one in twenty",
        "experiments/statistics.py",
        "LEVEL = 0.005",
        "LEVEL = 0.05",
    ),
    Mutation(
        "the test has one side",
        "experiments/statistics.py",
        "p = float(2 * stats.t.sf(abs(mean)",
        "p = float(stats.t.sf(abs(mean)",
    ),
    Mutation(
        "the spread of the seeds divides by S",
        "experiments/statistics.py",
        "differences.std(ddof=1)",
        "differences.std(ddof=0)",
    ),
    Mutation(
        "five seeds are taken for many",
        "experiments/statistics.py",
        "stats.t.sf(abs(mean) / error, len(differences) - 1)",
        "stats.norm.sf(abs(mean) / error)",
    ),
    Mutation(
        "seeds are not paired",
        "experiments/statistics.py",
        "return a - b\n",
        "return a - b.mean()\n",
    ),
    Mutation(
        "what is the same may be anywhere",
        "experiments/statistics.py",
        "inside = margin - abs(mean)",
        "inside = margin + abs(mean)",
    ),
    Mutation(
        "two rows of the paper's table are exchanged",
        "experiments/table1.py",
        '"tanh_n": {"shapeset": 15.60, "mnist": 1.64, "cifar10": 52.92, "small_imagenet": 68.57}',
        '"tanh_n": {"shapeset": 27.15, "mnist": 1.76, "cifar10": 55.90, "small_imagenet": 70.58}',
    ),
    Mutation(
        "all classes are said to be equally frequent",
        "datasets/shapeset.py",
        "CLASS_PRIORS = (1 / 6, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9, 1 / 18, 1 / 18, 1 / 18)",
        "CLASS_PRIORS = (1 / 9,) * 9",
    ),
    Mutation(
        "two shapes come more often than one",
        "datasets/scenes.py",
        "paired = np.flatnonzero(rng.random(n) < 0.5)",
        "paired = np.flatnonzero(rng.random(n) < 0.55)",
    ),
    Mutation(
        "the nets were tested on other images",
        "experiments/data.py",
        "SHAPESET_SEED = 20_100_513",
        "SHAPESET_SEED = 20_100_514",
    ),
    Mutation(
        "a third is a half in the standard scheme",
        "initializers.py",
        'heuristic_uniform = VarianceScaling(1 / 3, "fan_in", "uniform")',
        'heuristic_uniform = VarianceScaling(1 / 2, "fan_in", "uniform")',
    ),
    Mutation(
        "the mean singular value is the root mean square",
        "theory.py",
        'return float(8 / (3 * np.pi) * np.sqrt(_checked("sigma_w2", sigma_w2)))',
        'return float(np.sqrt(_checked("sigma_w2", sigma_w2)))',
    ),
)
