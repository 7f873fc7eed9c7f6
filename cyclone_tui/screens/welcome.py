"""The first start: use this machine now (ready in a second, with a first job), set up AWS, or look around."""

from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.content import Content
from textual.widgets import Button, Static

from cyclone_tui.actions import Action, bound
from cyclone_tui.first_job import start_and_submit
from cyclone_tui.screens.base import View, background


class WelcomeView(View):
    """See the module."""

    NAME = "welcome"
    LIVE = False
    AUTO_FOCUS = "#here"
    ACTIONS = (
        Action("welcome.here", "1", "here", "Use this machine", "start the host of this machine and run a first job",
               twin="qsub examples/hello.sh", writes=True, show=False),
        Action("welcome.aws", "2", "aws", "Set up AWS", "the wizard of an AWS host", twin="hyper hosts create-host --type aws", show=False),
        Action("welcome.look", "3", "look", "Look around", "the home view", looks=True, show=False),
        Action("welcome.next", "down,j", "app.focus_next", "Next", looks=True, show=False),
        Action("welcome.previous", "up,k", "app.focus_previous", "Previous", looks=True, show=False),
    )  # fmt: skip
    BINDINGS = bound(ACTIONS)
    DEFAULT_CSS = """
    WelcomeView #body { align: center middle; }
    WelcomeView #card { width: 68; max-width: 96%; height: auto; padding: 1 3; border: round $primary; background: $surface; }
    WelcomeView #title { text-style: bold; color: $primary; }
    WelcomeView #about { margin: 1 0; height: auto; }
    WelcomeView Button { width: 100%; height: 3; content-align: left middle; text-align: left; margin-bottom: 0; }
    WelcomeView #hint { color: $muted; height: auto; margin-top: 1; }
    """

    def body(self) -> ComposeResult:
        """A card with three ways on."""
        with Center(), Vertical(id="card"):
            yield Static("Welcome to Cyclone", id="title")
            yield Static(Content("A job scheduler for this machine, and for every AWS region when one machine is not enough."), id="about")
            yield Button("1  Use this machine now, with a first job", id="here", variant="primary")
            yield Button("2  Set up AWS: a host in your account", id="aws")
            yield Button("3  Look around", id="look")
            yield Static(Content("Nothing is installed or sent anywhere. ? shows keys, : goes to any view, q quits."), id="hint")

    def twin(self) -> str:
        """What the first button does."""
        return "qsub examples/hello.sh"

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button does what its key does."""
        self.run_worker(self.run_action(str(event.button.id)))

    @background(exclusive=True)
    async def action_here(self) -> None:
        """Start, submit, and follow the first job."""
        job = await self.attempt(start_and_submit, done="This machine is ready. Here is its first job")
        if job is not None:
            self.session.watched.add(job)
            self.cyclone.start_over("home", f"job {job}")

    def action_aws(self) -> None:
        """The wizard."""
        self.cyclone.open("new host type=aws")

    def action_look(self) -> None:
        """The home view."""
        self.cyclone.open("home")
