"""The package behind the textbook *Keeping the Signal Alive*.

Chapters, labs, coursework and tests import their numbers from here. The modules stand on floors,
and a module imports only from the floors below its own:

====  =====================================================================
  6   ``cli``  ``book``
  5   ``explorables``  ``grading``
  4   ``experiments``  ``diagnose``
  3   ``probes``  ``ensemble``  ``architectures``
  2   ``networks``  ``frameworks``
  1   ``initializers``  ``theory``  ``datasets``  ``figures``
  0   ``fans``  ``activations``  ``results``  ``style``  ``parametrizations``
====  =====================================================================
"""

__version__ = "0.1.0"
