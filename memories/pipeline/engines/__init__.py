"""The engines that ask a model: one call, the paper's two phases, or additive.

The ``local`` engine of rules stands beside them; ``infer=false`` needs none.
"""
