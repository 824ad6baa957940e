"""The painters of the sample pictures: one subject per module, numpy and Pillow only."""
