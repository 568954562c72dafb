"""Explorables: figures that answer, each one an anywidget whose numbers come from Python."""

from glorot.explorables.amplifier_matrix import AmplifierMatrix
from glorot.explorables.bend_the_line import BendTheLine
from glorot.explorables.chain_heard import ChainHeard
from glorot.explorables.circle_through_layers import CircleThroughLayers
from glorot.explorables.coordinate_check import CoordinateCheck
from glorot.explorables.race import Race
from glorot.explorables.scrub_the_escape import ScrubTheEscape
from glorot.explorables.self_check import Choice, Number, Option, SelfCheck
from glorot.explorables.table1_opened import Table1Opened
from glorot.explorables.trainability_map import TrainabilityMap
from glorot.explorables.tug_of_war import TugOfWar
from glorot.explorables.type_your_phi import TypeYourPhi
from glorot.explorables.what_do_i_type import WhatDoIType

__all__ = [
    "AmplifierMatrix",
    "BendTheLine",
    "ChainHeard",
    "Choice",
    "CircleThroughLayers",
    "CoordinateCheck",
    "Number",
    "Option",
    "Race",
    "ScrubTheEscape",
    "SelfCheck",
    "Table1Opened",
    "TrainabilityMap",
    "TugOfWar",
    "TypeYourPhi",
    "WhatDoIType",
]
