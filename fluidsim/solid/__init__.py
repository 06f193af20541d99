"""Solids: shapes, their motion, the open parts of faces and cells, and the walls of the domain."""
