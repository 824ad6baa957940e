"""What the package holds besides what pyproject.toml says: installer, plug-in and samples, for ``neural-style install``.

They lie in a folder of their own, laid out as here, since their names are common ones and a plug-in's folder is no package.
"""

from setuptools import find_packages, setup

#: The folder's name; ``stylecore.system.CARRIED`` says it too.
CARRIED = "gimp_neural_style"

setup(
    packages=[*find_packages(include=["stylecore*", "server*"]), CARRIED],
    package_dir={CARRIED: "."},
    package_data={
        "stylecore.network": ["*.npz"],
        "stylecore.kernels": ["*.cu"],
        CARRIED: [
            "pyproject.toml",
            "installer/**/*.py",
            "gimp_plugin/*.py",
            "gimp_plugin/neural-style/**/*",
            "samples/content/*.jpg",
            "samples/styles/*.jpg",
            *(f"docs/pictures/{name}" for name in ("dialog.jpg", "dialog-light.png", "painting.jpg")),  # of the help page
        ],
    },
    exclude_package_data={CARRIED: ["**/__pycache__/*", "**/*.pyc"]},
    include_package_data=False,
)
