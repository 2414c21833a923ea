"""Checks the files of this directory against their schemas and against each other.

The schemas check single fields. This script also checks that mounted files exist, that settings are
spelt correctly and that the nodes named by nginx are started.

    deploy/check runs it; it takes the path of the schema of compose files.
"""

import json
import pathlib
import re
import sys

import jsonschema
import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parent
KUBERNETES = "1.37"
# Where nodes in containers take the calls of the others.
PEERS_PORT = 7430
# Set by the image's user or by systemd, read by no server.
NOT_SETTINGS = {"DOORBUSTER_LOG"}

complaints = []


def complain(file, problem):
    complaints.append(f"{file.relative_to(REPOSITORY)}: {problem}")


def read(name):
    return (HERE / name).read_text(encoding="utf-8")


def settings():
    """The variables of the servers' settings, as documented; a test compares that page with the code."""
    page = (REPOSITORY / "docs" / "configuration.md").read_text(encoding="utf-8")
    return set(re.findall(r"`(DOORBUSTER_[A-Z_]+)`", page)) | NOT_SETTINGS


class Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, as Docker Compose does: PyYAML takes the last one."""


def mapping(loader, node, deep=False):
    names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"{twice} twice in one mapping", node.start_mark)
    loader.flatten_mapping(node)
    return yaml.SafeLoader.construct_mapping(loader, node, deep)


Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def check_settings():
    known = settings()
    for file in sorted(HERE.rglob("*")):
        if not file.is_file() or file.suffix == ".py" or "__pycache__" in file.parts:
            continue
        # Variables that a script passes to tests are no settings of a server.
        if file.read_bytes()[:2] == b"#!" and file.name != "healthy":
            continue
        for name in sorted(set(re.findall(r"\bDOORBUSTER_[A-Z_]+", file.read_text("utf-8")))):
            if name not in known:
                complain(file, f"{name} is not a setting")


def check_compose(name, schema):
    file = HERE / name
    text = read(name)
    compose = yaml.load(text, Loader)
    for error in jsonschema.Draft7Validator(schema).iter_errors(compose):
        where = "/".join(str(part) for part in error.absolute_path)
        complain(file, f"{where}: {error.message}")
    services = compose["services"]
    declared = set(compose.get("volumes", {}))
    for service, said in services.items():
        for volume in said.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                if not (HERE / source).exists():
                    complain(file, f"{service} mounts {source}, which does not exist")
            elif source not in declared:
                complain(file, f"{service} uses the volume {source}, which is not declared")
        for secret in said.get("secrets", []):
            secret = secret["source"] if isinstance(secret, dict) else secret
            if secret not in compose.get("secrets", {}):
                complain(file, f"{service} uses the secret {secret}, which is not declared")
            elif said.get("read_only") and "file" not in compose["secrets"][secret]:
                complain(file, f"{service} has a read-only root, into which Compose cannot put {secret}")
        for other in said.get("depends_on", {}):
            if other not in services:
                complain(file, f"{service} depends on {other}, which is not a service")
        for port in said.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                complain(file, f"{service} opens {port} beyond loopback")
    return compose, text


def nodes(name):
    """Hosts and ports of the servers in a list of nodes."""
    return re.findall(r"^server ([^:\s]+):(\d+)", read(name), re.MULTILINE)


def check_cluster(compose, text):
    file = HERE / "compose.cluster.yaml"
    ours = [name for name, said in compose["services"].items() if said["image"] == "doorbuster"]
    if [(name, "7420") for name in ours] != nodes("nginx/nodes-compose.conf"):
        complain(HERE / "nginx/nodes-compose.conf", f"is not {ours} on port 7420")
    data = [volume for name in ours for volume in compose["services"][name]["volumes"]
            if volume.endswith(":/data")]
    if len(set(data)) != len(ours):
        complain(file, "two nodes share one data directory")
    for name in ours:
        check_peers(file, name, compose["services"][name]["environment"], f"{name}:{PEERS_PORT}")
    example = set(re.findall(r"^([A-Z_]+)=", read("cluster.env.example"), re.MULTILINE))
    wanted = set(re.findall(r"\$\{([A-Z_]+)", text))
    wanted |= {secret["environment"] for secret in compose["secrets"].values() if "environment" in secret}
    for name in sorted(wanted ^ example):
        complain(file, f"{name} is only here or only in cluster.env.example")


def check_peers(file, name, environment, address):
    """A node must be reachable by the others under a name that outlasts a restart, and have their secret."""
    expected = {"DOORBUSTER_PEERS_LISTEN": f"0.0.0.0:{PEERS_PORT}", "DOORBUSTER_PEERS_ADDRESS": address}
    for variable, value in expected.items():
        if environment.get(variable) != value:
            complain(file, f"{name} has {variable}={environment.get(variable)}, not {value}")
    if "DOORBUSTER_PEERS_SECRET_FILE" not in environment:
        complain(file, f"{name} has no secret for the other nodes")


def check_kubernetes():
    found = {}
    for file in sorted((HERE / "kubernetes").glob("*.yaml")):
        for document in yaml.load_all(file.read_text(encoding="utf-8"), Loader):
            found[document["kind"], document["metadata"]["name"]] = document
            if document["kind"] in ("StatefulSet", "Deployment"):
                check_pod(file, document["metadata"]["name"], document["spec"]["template"])
            try:
                kubernetes_validate.validate(document, KUBERNETES, strict=True)
            except kubernetes_validate.ValidationError as error:
                complain(file, f"{document['kind']}: {error.message}")
            if document["kind"] != "Namespace" and (
                document["metadata"].get("namespace") != "doorbuster"
            ):
                complain(file, f"{document['metadata']['name']} is not in the namespace doorbuster")
    file = HERE / "kubernetes" / "doorbuster.yaml"
    replicas = found["StatefulSet", "doorbuster"]["spec"]["replicas"]
    pods = [(f"doorbuster-{pod}", "7420") for pod in range(replicas)]
    if pods != nodes("nginx/nodes-kubernetes.conf"):
        complain(HERE / "nginx/nodes-kubernetes.conf", f"is not {pods}")
    for pod, _ in pods:
        service = found.get(("Service", pod))
        selector = {"statefulset.kubernetes.io/pod-name": pod}
        if not service or service["spec"]["selector"] != selector:
            complain(file, f"there is no Service for the pod {pod} alone")
    check_kubernetes_peers(file, found)
    check_kustomization({name for kind, name in found if kind == "ConfigMap"})


def check_kubernetes_peers(file, found):
    service = found["Service", "doorbuster"]["spec"]
    pod = found["StatefulSet", "doorbuster"]["spec"]["template"]["spec"]
    node = pod["containers"][0]
    environment = {variable["name"]: variable.get("value") for variable in node["env"]}
    check_peers(file, "the pod", environment, f"$(POD_NAME).doorbuster:{PEERS_PORT}")
    if PEERS_PORT not in [port["port"] for port in service["ports"]]:
        complain(file, f"the headless Service has no port {PEERS_PORT}")
    if not service.get("publishNotReadyAddresses"):
        complain(file, "nodes cannot call one another before they are ready")
    policy = found["NetworkPolicy", "doorbuster"]["spec"]
    ours = {"podSelector": {"matchLabels": policy["podSelector"]["matchLabels"]}}
    for direction, end in (("ingress", "from"), ("egress", "to")):
        allowed = [port["port"] for rule in policy[direction] if rule[end] == [ours] for port in rule["ports"]]
        if allowed != [PEERS_PORT]:
            complain(HERE / "kubernetes/network.yaml", f"{direction} between nodes is {allowed}, not {PEERS_PORT}")
    given = {volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    examples = yaml.safe_load_all(read("kubernetes/secret.example.yaml"))
    if given != {document["metadata"]["name"] for document in examples}:
        complain(file, f"the pod mounts {sorted(given)}, not the secrets of secret.example.yaml")


def check_pod(file, name, template):
    spec = template["spec"]
    if not spec["securityContext"].get("runAsNonRoot"):
        complain(file, f"{name} may run as root")
    given = {volume["name"] for volume in spec.get("volumes", [])} | {"data"}
    for container in spec["containers"]:
        security = container["securityContext"]
        if not security.get("readOnlyRootFilesystem") or security["allowPrivilegeEscalation"]:
            complain(file, f"{name} may change its root or gain privileges")
        for probe in ("readinessProbe", "livenessProbe"):
            if probe not in container:
                complain(file, f"{name} has no {probe}")
        for mount in container["volumeMounts"]:
            if mount["name"] not in given:
                complain(file, f"{name} mounts {mount['name']}, which does not exist")


def check_kustomization(config_maps):
    file = HERE / "kustomization.yaml"
    kustomization = yaml.safe_load(file.read_text(encoding="utf-8"))
    made = [made for made in kustomization["configMapGenerator"]]
    paths = kustomization["resources"]
    paths += [entry.split("=")[-1] for generator in made for entry in generator["files"]]
    for path in paths:
        if not (HERE / path).is_file():
            complain(file, f"{path} does not exist")
    listed = {f"kubernetes/{path.name}" for path in (HERE / "kubernetes").glob("*.yaml")}
    for missing in sorted(listed - set(paths) - {"kubernetes/secret.example.yaml"}):
        complain(file, f"{missing} is not listed")
    for generator in made:
        if generator["name"] in config_maps:
            complain(file, f"{generator['name']} is defined twice")


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    check_settings()
    check_compose("compose.yaml", schema)
    check_cluster(*check_compose("compose.cluster.yaml", schema))
    check_kubernetes()
    for complaint in complaints:
        print(complaint)
    print(f"compose and Kubernetes files: {len(complaints)} complaints")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
