"""A face embedding: learned from people who are not to be recognised, then used to tell others.

`cohort` says who it is learned from, `alignment` learns where faces lie, `network` and
`pretraining` learn the rest, `store` keeps it with the manifest of the people it saw, `vectors`
takes images through it, and `heads` put names to them.
"""
