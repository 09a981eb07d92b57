"""The options about an image: what goes into it, how it is built, where it goes."""

from __future__ import annotations

import click

from imagebuild.cli.command import Decorator, option, with_options
from imagebuild.cli.source_options import source_options
from imagebuild.request import DEFAULT_BASE, ENV_PREFIX

_CONTENT, _BUILD, _NAMES = "What goes into the image", "How it is built", "Where it goes"


def _read_settings(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Let the project's settings be the defaults of all other options."""
    from imagebuild.cli.saved import saved_settings

    context.default_map = saved_settings(context, value)
    return value


CONTEXT = option(
    "--context",
    section=_CONTENT,
    saved=False,
    metavar="FOLDER",
    type=click.Path(file_okay=False),
    is_eager=True,
    callback=_read_settings,
    help="Project root: the folder that is copied into the image.  [default: that of prefect.yaml,"
    " or this one]",
)

DIRECTORY = option(
    "--directory",
    section=_CONTENT,
    metavar="PATH",
    help="Where the code lies in the image: a path, or a name below /opt/prefect.  [default: the"
    " name in prefect.yaml, or the project root's]",
)

# What a Dockerfile is made from.
rendered_options = with_options(
    CONTEXT,
    source_options,
    DIRECTORY,
    option(
        "--base",
        section=_CONTENT,
        metavar="IMAGE",
        default=DEFAULT_BASE,
        show_default=True,
        help="Image to build on; with --builder oci also one in an OCI layout, oci:PATH[:TAG], or"
        " in an archive of one, oci-archive:PATH[:TAG].",
    ),
    option(
        "--requirements",
        section=_CONTENT,
        metavar="FILE",
        help="Requirements file to install, in the project root.  [default: requirements.txt, if"
        " there is one]",
    ),
    option(
        "--system-package",
        section=_CONTENT,
        metavar="PACKAGE",
        multiple=True,
        help="Package that apt-get installs first, such as libpq5; can be given again.",
    ),
    option(
        "--template",
        section=_CONTENT,
        metavar="NAME|FILE",
        default="default",
        show_default=True,
        help="Template of the Dockerfile: one of ours, or a file that extends one.",
    ),
    option(
        "--dockerfile",
        section=_CONTENT,
        metavar="FILE",
        help="A Dockerfile of your own, built as it is; the flow runs in its WORKDIR.",
    ),
    option(
        "--env",
        section=_CONTENT,
        metavar="KEY=VALUE",
        multiple=True,
        help="Variable of the environment that the image sets; can be given again.",
    ),
    option(
        "--build-arg",
        section=_CONTENT,
        metavar="KEY[=VALUE]",
        multiple=True,
        help="Build argument, for the steps to read; without a value, the environment's. Can be"
        " given again.",
    ),
    option(
        "--secret",
        section=_CONTENT,
        metavar="id=ID[,src=FILE|,env=NAME]",
        multiple=True,
        help="Secret that the installing step finds at /run/secrets/ID, and the image never holds;"
        " with the id netrc, at ~/.netrc. Can be given again.",
    ),
    option(
        "--ssh",
        section=_CONTENT,
        metavar="default|ID[=SOCKET|KEY]",
        multiple=True,
        help="SSH agent, or private key, that the installing step may use; can be given again."
        "  [default socket: SSH_AUTH_SOCK]",
    ),
)

content_options = with_options(
    rendered_options,
    option(
        "--label",
        section=_CONTENT,
        metavar="KEY=VALUE",
        multiple=True,
        help="Label of the image; can be given again.",
    ),
    option(
        "--platform",
        section=_CONTENT,
        metavar="OS/ARCH",
        help="Platform to build for, such as linux/arm64.  [default: the engine's own]",
    ),
)

image_option = option(
    "--image",
    section=_NAMES,
    metavar="NAME",
    help="Image to build: [registry/]name[:tag].  [default: the folder's name, with a tag made of"
    " the content]",
)

tag_option = option(
    "--tag",
    section=_NAMES,
    metavar="TAG",
    multiple=True,
    help="Further tag of the image (not of the deployment: that is --deployment-tag); can be given"
    " again.",
)

pin_option = option(
    "--pin/--no-pin",
    section=_NAMES,
    default=True,
    show_default=True,
    help="Record what was pushed by its digest; or by its tag alone.",
)

insecure_option = option(
    "--insecure-registry",
    section=_BUILD,
    metavar="HOST",
    multiple=True,
    help="Registry that is asked without TLS, as those of this machine are; can be given again."
    " (The engine has a list of its own.)",
)

building_options = with_options(
    option(
        "--pull/--no-pull",
        section=_BUILD,
        default=None,
        help="Insist on the registry's newest base; or take the engine's without asking."
        "  [default: the newest, if the registry answers]",
    ),
    option(
        "--cache/--no-cache",
        section=_BUILD,
        default=True,
        show_default=True,
        help="Reuse what was built before; or build every step anew.",
    ),
    option(
        "--builder",
        section=_BUILD,
        metavar="NAME",
        default="auto",
        show_default=True,
        help="auto: what is pushed is put together in the registry from the environment there and"
        " the code, and Docker builds what is missing. docker: the engine's BuildKit, or what the"
        " engine has instead. classic: the engine's builder from before BuildKit, without cache"
        " mounts, secrets and SSH. oci: in the registry alone, no engine is asked.",
    ),
    option(
        "--env-cache/--no-env-cache",
        section=_BUILD,
        default=True,
        show_default=True,
        help="Keep the environment under a tag of its own beside the image, where it is found"
        " again; or not.",
    ),
    option(
        "--env-prefix",
        section=_BUILD,
        metavar="TEXT",
        default=ENV_PREFIX,
        show_default=True,
        help="How the tags of environments begin, before sixteen digits of their key.",
    ),
    insecure_option,
)


output_option = option(
    "--output",
    section=_NAMES,
    metavar="PATH",
    help="Write the image into an OCI layout instead, with --builder oci: a folder, or where PATH"
    " ends in .tar an archive of one.",
)


def push_option(*, default: bool | None, text: str) -> Decorator:
    """`--push/--no-push`, which each command means a little differently."""
    return option(
        "--push/--no-push", section=_NAMES, default=default, show_default=bool(default), help=text
    )
