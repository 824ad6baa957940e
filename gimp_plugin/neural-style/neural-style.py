#!/usr/bin/env python3
"""The entry that GIMP runs: declares the procedure, imports the rest, and tells the user of every failure."""

from __future__ import annotations

import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(HERE))
# An assembled plug-in has its own pyzmq and its copies of the shared modules; a checkout has them two folders up.
sys.path[:0] = [HERE, os.path.join(HERE, "vendor")]
if not os.path.isdir(os.path.join(HERE, "stylecore")):
    sys.path.append(REPOSITORY)

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
from gi.repository import Gegl, Gimp, GLib, GObject

from common import arguments
from common.errors import CancelledError
from common.translation import _

PROCEDURE = "plug-in-neural-style"
UPDATE_PROCEDURE = "plug-in-neural-style-update-results"


class NeuralStyle(Gimp.PlugIn):
    """The plug-in as GIMP sees it."""

    def do_set_i18n(self, procedure_name: str) -> bool:
        """Say that GIMP has nothing to translate: what it is given is in the user's language already."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Name the procedures of this plug-in."""
        return [PROCEDURE, UPDATE_PROCEDURE]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """Declare a procedure: menu entry, arguments and return values."""
        Gegl.init(None)
        return _update_procedure(self, name) if name == UPDATE_PROCEDURE else _style_procedure(self, name)


def _style_procedure(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    sensitivity = Gimp.ProcedureSensitivityMask
    procedure.set_sensitivity_mask(sensitivity.DRAWABLE | sensitivity.DRAWABLES)
    procedure.set_menu_label(_("_Neural Style…"))
    procedure.add_menu_path("<Image>/Filters/Artistic")
    procedure.set_documentation(
        _("Repaint layers in the style of a picture"),
        _(
            "Repaints every selected layer in the style of any picture (Gatys, Ecker and Bethge, arXiv 1508.06576) "
            "and puts each result as a new layer above its source. Works on the selection if there is one. "
            "On such a result it opens with its settings, and paints it again in its place. "
            "The painting is done by the neural-style server, which is started when it is not running."
        ),
        name,
    )
    procedure.set_attribution("Neural Style for GIMP", "MIT license", "2026")
    arguments.declare(procedure)
    procedure.add_layer_return_value(
        "result",
        _("Result"),
        _("The new layer; of several, the one above the topmost source"),
        True,
        GObject.ParamFlags.READWRITE,
    )
    return procedure


def _update_procedure(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run_update, None)
    procedure.set_image_types("*")
    sensitivity = Gimp.ProcedureSensitivityMask
    procedure.set_sensitivity_mask(sensitivity.DRAWABLE | sensitivity.DRAWABLES | sensitivity.NO_DRAWABLES)
    procedure.set_menu_label(_("Neural Style: _Update Results"))
    procedure.add_menu_path("<Image>/Filters/Artistic")
    procedure.set_documentation(
        _("Repaint out-of-date results"),
        _(
            "Paints every result of Neural Style in the image again whose source layer, style or settings changed since, "
            "in its place and as one undo step; results that are up to date are left alone."
        ),
        name,
    )
    procedure.set_attribution("Neural Style for GIMP", "MIT license", "2026")
    arguments.declare_update(procedure)
    return procedure


def run(procedure, run_mode, image, drawables, config, data):
    """Run the procedure; whatever goes wrong is told, in the dialog or as a PDB error."""

    def work():
        import session

        return arguments.return_values(procedure, session.run(procedure, run_mode, image, drawables, config))

    return _told(procedure, work)


def run_update(procedure, run_mode, image, drawables, config, data):
    """Run *Update Results*; whatever goes wrong is told."""

    def work():
        import updating

        count = updating.run(run_mode, image, config)
        values = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
        values.remove(1)
        values.insert(1, GObject.Value(GObject.TYPE_INT, count))
        return values

    return _told(procedure, work)


def _told(procedure, work):
    from common import messages

    try:
        return work()
    except CancelledError:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except Exception as error:  # GIMP shows the user nothing of one that leaves here
        message = messages.words(error)
        failure = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), message, 0)
        return procedure.new_return_values(Gimp.PDBStatusType.EXECUTION_ERROR, failure)


Gimp.main(NeuralStyle.__gtype__, sys.argv)
