"""placeholder"""

import click

call = click.Command("call")
