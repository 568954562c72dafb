"""What tests of experiments share: a smoke run in a folder of its own, and what it found."""

import dataclasses
import json

from glorot.experiments import EXPERIMENTS, run_experiment


def run(experiment, folder, executor=None, **options):
    """The experiment's smoke run; its record and its state lie in the folder."""
    return run_experiment(
        experiment,
        "smoke",
        directory=folder / "records",
        checkpoint_directory=folder / "state",
        executor=executor,
        **options,
    )


def smoke(name, folder, interval=0.0, **changes):
    """The record of an experiment's smoke run with changes to its configuration."""
    experiment = EXPERIMENTS[name]
    config = dataclasses.replace(experiment.scales["smoke"], **changes)
    tried = dataclasses.replace(experiment, scales={"smoke": config})
    return run(tried, folder, interval=interval)


def outside_provenance(record):
    """All of a record that two runs have to agree on, as text."""
    plain = record.to_dict()  # of every array the hash of its bytes
    del plain["provenance"]
    return json.dumps(plain, sort_keys=True)
