"""Judges a generated stack with tools that nobody here wrote. Usage: check_stack.py STACK_FOLDER

Every template (template.yaml and rule-only/*.yaml) must be clean under cfn-lint, pass the SAM translator, and hold only policies
that parliament has nothing to say about, under every setting of its switches. Python files must compile. Exits with 1 on any finding.
"""

import itertools
import json
import logging
import os
import py_compile
import re
import sys
import tempfile
from pathlib import Path

import parliament
from cfnlint.api import lint as cfn_lint
from cfnlint.config import ManualArgs
from cfnlint.decode import cfn_yaml
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "plant",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/plant/1",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()

# What `!GetAtt X.Arn` gives, by the type of X.
ARNS = {
    "AWS::IAM::Role": "arn:aws:iam::123456789012:role/{}",
    "AWS::Kinesis::Stream": "arn:aws:kinesis:us-east-1:123456789012:stream/{}",
    "AWS::KinesisFirehose::DeliveryStream": "arn:aws:firehose:us-east-1:123456789012:deliverystream/{}",
    "AWS::Lambda::Function": "arn:aws:lambda:us-east-1:123456789012:function:{}",
    "AWS::Logs::LogGroup": "arn:aws:logs:us-east-1:123456789012:log-group:{}:*",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SQS::Queue": "arn:aws:sqs:us-east-1:123456789012:{}",
    "AWS::SNS::Topic": "arn:aws:sns:us-east-1:123456789012:{}",
    "AWS::Timestream::Table": "arn:aws:timestream:us-east-1:123456789012:database/plant/table/{}",
}

# Actions that AWS documents as knowing no resource: the only ones that may stand beside a bare star.
STAR_ACTIONS = {"timestream:DescribeEndpoints", "timestream:SelectValues"}


class NoManagedPolicies:
    """The translator asks for managed policies by name; a generated stack names none."""

    def load(self):
        return {}


class Resolver:
    """Evaluates intrinsic functions, with the given values of parameters."""

    def __init__(self, template, parameters):
        self.template = template
        self.parameters = parameters
        self.conditions = {}

    def condition(self, name):
        if name not in self.conditions:
            self.conditions[name] = self.value(self.template["Conditions"][name])
        return self.conditions[name]

    def value(self, node):
        if isinstance(node, list):
            return [one for one in (self.value(one) for one in node) if one is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (key, inner), = node.items()
            handler = getattr(self, "_" + key.replace("::", "_").lower(), None)
            if handler and (key.startswith("Fn::") or key in ("Ref", "Condition")):
                # A policy's own `Condition` is a map, that of a template a name.
                if key != "Condition" or isinstance(inner, str):
                    return handler(inner)
        resolved = {key: self.value(inner) for key, inner in node.items()}
        return {key: inner for key, inner in resolved.items() if inner is not NO_VALUE}

    def _condition(self, name):
        return self.condition(name)

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.template["Resources"][name]
        return ARNS["AWS::SNS::Topic"].format(name) if resource["Type"] == "AWS::SNS::Topic" else name

    def _fn_getatt(self, inner):
        name, attribute = inner if isinstance(inner, list) else inner.split(".", 1)
        if attribute == "Arn":
            return ARNS[self.template["Resources"][name]["Type"]].format(name)
        return name

    def _fn_sub(self, text):
        assert isinstance(text, str), "only the short form is generated"

        def replaced(match):
            name = match.group(1)
            if name.startswith("!"):
                return "${" + name[1:] + "}"
            return str(self._fn_getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]*)\}", replaced, text)

    def _fn_if(self, inner):
        name, yes, no = inner
        return self.value(yes if self.condition(name) else no)

    def _fn_equals(self, inner):
        one, other = self.value(inner)
        return str(one) == str(other)

    def _fn_not(self, inner):
        return not self.value(inner)[0]

    def _fn_and(self, inner):
        return all(self.value(inner))

    def _fn_or(self, inner):
        return any(self.value(inner))


def lint(path):
    # Informational remarks count too. Left out are I4010, which asks for the author's reasoning in a format of its own, and W3697,
    # which the templates turn off themselves: Timestream for LiveAnalytics takes no new customers, and ours are none.
    config = ManualArgs(regions=["us-east-1", "eu-west-1"], include_checks=["I"], ignore_checks=["I4010", "W3697"])
    for match in cfn_lint(path.read_text(), config=config):
        yield f"cfn-lint {match.rule.id}: {match.message} (line {match.linenumber})"


def translate(path):
    """The template without the SAM transform."""
    plain = json.loads(json.dumps(cfn_yaml.loads(path.read_text())))
    for name, resource in plain["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            # What packaging does: local folders become objects in a bucket.
            folder = path.parent / resource["Properties"]["CodeUri"]
            if not (folder / "handler.py").is_file():
                raise ValueError(f"{name} has no handler.py in {folder}")
            resource["Properties"]["CodeUri"] = f"s3://packaged/{name}.zip"
    translator = Translator(NoManagedPolicies().load(), Parser())
    defaults = {name: parameter.get("Default", "") for name, parameter in plain.get("Parameters", {}).items()}
    return translator.translate(plain, {name: str(value) for name, value in defaults.items()}), defaults


def settings(template, defaults):
    """The defaults, and each switch flipped alone and all together: every condition is met both ways."""
    flips = {}
    for name, parameter in template.get("Parameters", {}).items():
        allowed = [str(value) for value in parameter.get("AllowedValues", [])]
        if allowed == ["true", "false"]:
            flips[name] = "false" if defaults[name] == "true" else "true"
        elif parameter.get("Default") == "" and name.endswith("Arn"):
            flips[name] = "arn:aws:sns:us-east-1:123456789012:given"
        elif parameter.get("Default") == "":
            flips[name] = "given-by-hand"
    yield defaults
    yield {**defaults, **flips}
    for name, value in flips.items():
        yield {**defaults, name: value}


def policies(template, parameters):
    resolver = Resolver(template, parameters)
    for name, resource in template["Resources"].items():
        if "Condition" in resource and not resolver.condition(resource["Condition"]):
            continue
        properties = resolver.value(resource.get("Properties", {}))
        if resource["Type"] == "AWS::IAM::Role":
            yield name, properties["AssumeRolePolicyDocument"], "trust"
            for policy in properties.get("Policies", []):
                yield name, policy["PolicyDocument"], "identity"
            for managed in properties.get("ManagedPolicyArns", []):
                yield name, managed, "managed"
        elif "PolicyDocument" in properties:
            yield name, properties["PolicyDocument"], "resource"


def judge_policies(template, defaults):
    seen = set()
    for parameters in settings(template, defaults):
        for name, document, kind in policies(template, parameters):
            text = json.dumps(document, sort_keys=True)
            if (name, text) in seen:
                continue
            seen.add((name, text))
            if kind == "managed":
                yield f"{name}: a managed policy is wider than anything needed: {document}"
                continue
            if kind == "identity":
                analyzed = parliament.analyze_policy_string(text)
                for finding in parliament_findings(analyzed):
                    yield f"{name}: parliament: {finding}"
            yield from wildcards(name, document, kind)


def parliament_findings(analyzed):
    for finding in analyzed.findings:
        finding = parliament.enhance_finding(finding)
        if finding.severity != "MUTE":
            yield f"{finding.issue} {finding.title} {finding.detail} {finding.location}"


def wildcards(name, document, kind):
    for statement in document["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        if statement["Effect"] == "Deny":
            continue
        for action in actions:
            if "*" in action:
                yield f"{name}: the action {action} is a wildcard"
        if kind == "identity":
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            if "*" in resources and not set(actions) <= STAR_ACTIONS:
                yield f"{name}: {actions} on every resource"
        elif statement.get("Principal") in ("*", {"AWS": "*"}):
            yield f"{name}: anybody may {actions}"


def judge_python(folder):
    for path in sorted(folder.glob("functions/*/*.py")):
        try:
            with tempfile.NamedTemporaryFile(suffix=".pyc") as compiled:
                py_compile.compile(str(path), cfile=compiled.name, doraise=True)
        except py_compile.PyCompileError as error:
            yield f"{path}: {error.msg}"


def judge(folder):
    templates = [folder / "template.yaml", *sorted(folder.glob("rule-only/*.yaml"))]
    for path in templates:
        for finding in lint(path):
            yield f"{path}: {finding}"
        try:
            translated, defaults = translate(path)
        except Exception as error:
            yield f"{path}: the SAM translator refuses it: {error}"
            continue
        for finding in judge_policies(translated, defaults):
            yield f"{path}: {finding}"
    yield from judge_python(folder)


def main():
    logging.disable(logging.CRITICAL)
    # The translator wants to know where it is, and asks nobody.
    os.environ["AWS_DEFAULT_REGION"] = PSEUDO["AWS::Region"]
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    findings = list(itertools.islice(judge(Path(sys.argv[1])), 200))
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
