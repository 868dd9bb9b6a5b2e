#!/usr/bin/env python3
"""Mariana Trench and this program on the same APKs with the same sources and sinks, one after the other.

usage: measure.py POLICY PROGRAM MARIANA ANDROID_JAR WORK TRUTH APK...

POLICY is a policy file of a suite (xtask/bench/SUITE/policy.toml); its sources and sinks and those of knowledge/models that it
lists are translated to model generators of Mariana Trench (PyPI `mariana-trench`), written to WORK with the rule, and counted.
MARIANA is its command, ANDROID_JAR a jar of platform classes. Mariana Trench keeps its own models of how data moves, this program
its own. TRUTH lists flows as `cargo xtask bench taintbench` reads them. Here a listed flow is found if some pair of a source and a sink has
the names of its two calls, wherever these calls are: more is not said by both programs alike, so the numbers are too high for both.
Prints one line for each app: instructions, then for each program seconds of CPU, microseconds of CPU for an instruction,
peak MiB, and listed flows found.
"""
import collections, json, os, pathlib, re, subprocess, sys, tomllib

HERE = pathlib.Path(__file__).resolve()
MODELS = HERE.parents[3] / "knowledge" / "models"
PARAMETERS_MAX = 5


def items(entry, key):
    found = entry.get(key, [])
    return [found] if isinstance(found, str) else found


def descriptor(name):
    return "L" + name.replace(".", "/") + ";"


def listed(policy):
    """The kinds that some rule of the policy speaks of."""
    rules = policy["rule"]
    return {kind for rule in rules for kind in rule["sources"]}, {kind for rule in rules for kind in rule["sinks"]}


def positions(root, is_static):
    """Arguments of Mariana Trench for a place of a call: it counts the receiver as 0."""
    if root == "this":
        return [] if is_static else [0]
    if root == "args":
        return list(range(0 if is_static else 1, PARAMETERS_MAX))
    return [int(root[3:]) - is_static]


def translate(entry, sources, sinks, missing):
    """Generators for one model, and what of it cannot be said."""
    made = []
    for text in items(entry, "source"):
        match = re.fullmatch(r"(ret|this|arg\d)\S* = (\w+)", text)
        if match and match[2] in sources:
            made.append(("sources", match[1], match[2]))
        elif not match:
            missing["source"] += 1
    for text in items(entry, "sink"):
        match = re.fullmatch(r"(.+?) -> (\w+|origin\(this\))( at .*)?", text)
        kind = match and ("network" if match[2].startswith("origin") else match[2])
        if match and kind in sinks:
            roots = {root.split(".")[0].split("[")[0].strip() for root in match[1].split(",")}
            made.extend(("sinks", root, kind) for root in sorted(roots) if re.fullmatch(r"this|args|arg\d", root))
        elif not match:
            missing["sink"] += 1
    return made


def generators(entry, made):
    classes, methods = items(entry, "class"), items(entry, "method")
    for what, root, kind in made:
        for is_static in (False, True):
            ports = ["Return"] if root == "ret" else positions(root, is_static)
            for port in ports:
                where = [
                    {"constraint": "signature_match", "extends": [descriptor(name) for name in classes], "names": methods},
                    {"constraint": "is_static", "value": is_static},
                ]
                if port != "Return":
                    where.append({"constraint": "number_parameters", "inner": {"constraint": ">", "value": port}})
                    port = f"Argument({port})"
                yield {"find": "methods", "where": where, "model": {what: [{"kind": kind, "port": port}]}}


def write_models(policy_path, work):
    policy = tomllib.loads(policy_path.read_text())
    sources, sinks = listed(policy)
    entries = [entry for path in sorted(MODELS.glob("*.toml")) for entry in tomllib.loads(path.read_text()).get("model", [])]
    missing, made, count = collections.Counter(), [], 0
    for entry in entries + policy.get("model", []):
        told = translate(entry, sources, sinks, missing)
        count += len(told)
        made.extend(generators(entry, told))
    folder = work / "generators"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "translated.models").write_text(json.dumps({"model_generators": made}))
    (work / "generators.json").write_text(json.dumps([{"name": "translated"}]))
    rule = {"name": "measured", "code": 1, "description": "measured", "sources": sorted(sources), "sinks": sorted(sinks)}
    (work / "rules.json").write_text(json.dumps([rule]))
    print(f"# {count} sources and sinks translated, not said: {dict(missing)}", file=sys.stderr)


def timed(command, **more):
    """Runs a command; its exit code, seconds of CPU and peak MiB, with its children."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **more)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def own_pairs(report):
    """Names of the calls at both ends of what this program found."""
    places = [place for finding in report["findings"] for place in finding.get("places", [])]
    name = lambda end: end.get("calls", "").partition(";->")[2].split("(")[0]
    return {(name(place["source"]), name(place["sink"])) for place in places}


def mariana_pairs(folder):
    """The same of what Mariana Trench found."""
    called = lambda method: (method if isinstance(method, str) else method["name"]).partition(";.")[2].split(":")[0]
    pairs = set()
    for path in folder.glob("model@*.json"):
        for line in path.read_text().splitlines():
            for issue in json.loads(line).get("issues", []) if line.startswith("{") else []:
                ends = [{called(origin.get("method", "")) for way in issue[end] for kind in way["kinds"]
                         for origin in kind.get("origins", [])} for end in ("sources", "sinks")]
                pairs |= {(source, sink) for source in ends[0] for sink in ends[1]}
    return pairs


def listed_flows(path):
    """By app: the names of the calls at both ends of each flow that exists."""
    flows = {}
    called = lambda end: re.search(r"[ .]([\w$]+|<init>)\(", end["stmt"].partition(": ")[2] or end["stmt"])
    for row in map(json.loads, pathlib.Path(path).read_text().splitlines()):
        ends = [(called(flow["source"]), called(flow["sink"])) for flow in row.get("flows", []) if not flow["negative"]]
        flows[row["apk"].rpartition("/")[2]] = [(a[1], b[1]) for a, b in ends if a and b]
    return flows


def main():
    policy, program, mariana, jar, work, truth, *apps = sys.argv[1:]
    flows = listed_flows(truth)
    work = pathlib.Path(work)
    write_models(pathlib.Path(policy), work)
    (work / "empty").mkdir(exist_ok=True)
    own_configuration = pathlib.Path(mariana).parents[1] / "share" / "mariana-trench" / "configuration"
    total = collections.Counter()
    print("app instructions flows | own: CPU s, us, MiB, flows | Mariana Trench: exit, CPU s, us, MiB, flows")
    for app in apps:
        own = timed([program, "scan", "-q", "--json", "--knowledge", str(pathlib.Path(policy).parent), app])
        report = json.loads(own[3])
        instructions = report["statistics"]["instructions"]
        output = work / "output"
        subprocess.run(["rm", "-rf", output])
        output.mkdir()
        other = timed([
            mariana, "--apk-path", app, "--system-jar-configuration-path", jar, "--rules-paths", work / "rules.json",
            "--model-generator-search-paths", f"{own_configuration / 'model-generators'};{work / 'generators'}",
            "--model-generator-configuration-paths",
            f"{own_configuration / 'default_generator_config.json'};{work / 'generators.json'}", "--output-directory", output, "--source-root-directory", work / "empty",
            "--skip-source-indexing"])
        each = max(instructions, 1) / 1e6
        listed = flows.get(pathlib.Path(app).name, [])
        found = [sum(flow in pairs for flow in listed) for pairs in (own_pairs(report), mariana_pairs(output))]
        print(f"{pathlib.Path(app).name} {instructions} {len(listed)} | {own[1]:.1f} {own[1] / each:.0f} {own[2]:.0f} {found[0]} | "
              f"{other[0]} {other[1]:.1f} {other[1] / each:.0f} {other[2]:.0f} {found[1]}", flush=True)
        total.update(instructions=instructions, own=own[1], other=other[1], flows=len(listed), found=found[0], theirs=found[1])
    each = max(total["instructions"], 1) / 1e6
    print(f"all {total['instructions']} {total['flows']} | {total['own']:.1f} {total['own'] / each:.0f} {total['found']} | "
          f"{total['other']:.1f} {total['other'] / each:.0f} {total['theirs']}")



main()
