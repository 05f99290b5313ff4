"""One device on Eclipse Paho. Takes its options as JSON, publishes what comes in as JSON lines, and prints a JSON line
for each thing that happens. Direct methods are answered with status 200 and their own payload."""
import json
import re
import sys

import paho.mqtt.client as mqtt

options = json.loads(sys.argv[1])


def say(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


# Paho 2 asks for the version of the callbacks; 1.6 does not know it.
versions = getattr(mqtt, "CallbackAPIVersion", None)
arguments = [versions.VERSION1] if versions else []
client = mqtt.Client(*arguments, client_id=options["clientId"], clean_session=True, protocol=mqtt.MQTTv311)
client.username_pw_set(options["userName"], options.get("password"))
client.tls_set(ca_certs=options["ca"], certfile=options.get("cert"), keyfile=options.get("key"))


def on_connect(client, _data, _flags, code):
    say("connected", code=code)
    if code == 0 and options["topics"]:
        client.subscribe([(topic, 1) for topic in options["topics"]])


def on_message(client, _data, message):
    method = re.match(r"\$iothub/methods/POST/([^/]+)/\?\$rid=(.*)", message.topic)
    if method:
        client.publish(f"$iothub/methods/res/200/?$rid={method.group(2)}", message.payload)
    say("message", topic=message.topic, payload=message.payload.decode())


client.on_connect = on_connect
client.on_subscribe = lambda _client, _data, _id, granted: say("subscribed", granted=list(granted))
client.on_message = on_message
client.on_publish = lambda _client, _data, message_id: say("published", id=message_id)
client.on_disconnect = lambda _client, _data, code: say("disconnected", code=code)
client.connect("localhost", options["port"], keepalive=60)
client.loop_start()
for line in sys.stdin:
    command = json.loads(line)
    client.publish(command["topic"], command.get("payload"), qos=command.get("qos", 1))
client.disconnect()
client.loop_stop()
