"""A PersistentVolumeClaim of any storage class, measured from a pod that fio runs in."""
import json
import uuid

from . import process
from .process import Failure
from .systems import System

DEVICE = "/dev/bench"
FOLDER = "/bench"
# Container runtimes forbid io_uring by default.
ENGINE = "libaio"


UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30,
         "Ti": 1 << 40}


def quantity(text):
    """Bytes of what Kubernetes writes as 10Gi."""
    digits = text.rstrip("kMGTi")
    try:
        return int(float(digits) * UNITS[text[len(digits):]])
    except (KeyError, ValueError):
        raise Failure(f"'{text}' is no size that Kubernetes would write") from None


class Claim(System):
    """A claim by [NAMESPACE/]NAME; all of it is written over if it is a block device, else one file on it."""

    name = "pvc"
    fio_engine = None

    def __init__(self, claim, image, mib, node=None):
        self.namespace, _, self.claim = claim.rpartition("/")
        self.image = image
        self.mib = mib
        self.node = node
        self.pod = f"cairn-bench-{uuid.uuid4().hex[:8]}"
        self.block = False
        self.made = False
        self.durability = f"claim {claim}, fio in a pod: what its acks promise is not known here"

    def kubectl(self, *words, seconds=60, **options):
        where = ["--namespace", self.namespace] if self.namespace else []
        return process.run(["kubectl", *where, *words], seconds=seconds, **options)

    def start(self):
        claim = json.loads(self.kubectl("get", "persistentvolumeclaim", self.claim, "-o", "json"))
        self.block = claim["spec"].get("volumeMode") == "Block"
        wanted = claim["spec"]["resources"]["requests"]["storage"]
        size = claim.get("status", {}).get("capacity", {}).get("storage", wanted)
        # A filesystem takes a part for itself.
        if quantity(size) < (self.mib << 20) * (1 if self.block else 1.1):
            raise Failure(f"claim {self.claim} has {size}, too little for --mib {self.mib}")
        self.made = True
        self.apply()
        try:
            self.kubectl("wait", "--for=condition=Ready", f"pod/{self.pod}", "--timeout=300s", seconds=330)
            self.kubectl("exec", self.pod, "--", "fio", "--version")
        except Failure as e:
            raise Failure(f"{e}\nthe pod {self.pod} must come up with claim {self.claim} and have fio in its image"
                          f" {self.image} (--pvc-image); 'kubectl describe' of both says more") from None

    def apply(self):
        container = {"name": "fio", "image": self.image, "command": ["sleep", "infinity"]}
        if self.block:
            container["volumeDevices"] = [{"name": "bench", "devicePath": DEVICE}]
        else:
            container["volumeMounts"] = [{"name": "bench", "mountPath": FOLDER}]
        spec = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
                "volumes": [{"name": "bench", "persistentVolumeClaim": {"claimName": self.claim}}]}
        if self.node:
            spec["nodeSelector"] = {"kubernetes.io/hostname": self.node}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": self.pod}, "spec": spec}
        self.kubectl("create", "-f", "-", input=json.dumps(pod))

    def target(self):
        return [f"--ioengine={ENGINE}", "--direct=1", f"--filename={DEVICE if self.block else FOLDER + '/cairn-bench'}"]

    def program(self):
        where = ["--namespace", self.namespace] if self.namespace else []
        return ["kubectl", *where, "exec", self.pod, "--", "fio"]

    def measure(self, name, job, mib, seconds):
        figures = super().measure(name, job, mib, seconds)
        # What was measured is kubectl.
        del figures["client_cores"]
        return figures

    def stop(self):
        if not self.made:
            return
        if not self.block:
            try:
                self.kubectl("exec", self.pod, "--", "rm", "-f", FOLDER + "/cairn-bench")
            except Failure:
                # The pod never ran.
                pass
        self.kubectl("delete", "pod", self.pod, "--ignore-not-found", "--wait=true", "--timeout=60s", seconds=90)
