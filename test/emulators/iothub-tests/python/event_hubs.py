"""Reads or writes the event stream with azure-eventhub, Microsoft's pure-Python client. Takes its options as JSON and
prints a JSON line for each event and error."""
import json
import sys
import threading

import azure.eventhub._pyamqp._transport as transport
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, TransportType
from azure.eventhub.extensions.checkpointstoreblob import BlobCheckpointStore

options = json.loads(sys.argv[1])
common = {"connection_verify": options["ca"], "retry_total": 1}
if options.get("webSocket"):
    common["transport_type"] = TransportType.AmqpOverWebsocket
    common["custom_endpoint_address"] = f"sb://localhost:{options['port']}"
else:
    # The client knows port 5671 alone over plain AMQP; this is all that is changed of it.
    to_host_port = transport.to_host_port
    transport.to_host_port = lambda host, port=5671: (to_host_port(host)[0], options["port"])


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def plain(mapping):
    return {text(key): text(value) for key, value in (mapping or {}).items()}


def say(event, **facts):
    print(json.dumps({"event": event, **facts}, default=str), flush=True)


def write():
    client = EventHubProducerClient.from_connection_string(options["connectionString"], **common)
    with client:
        batch = client.create_batch(partition_id=options.get("partition"))
        for body in options["bodies"]:
            event = EventData(json.dumps({**body, "padding": "x" * options["paddingBytes"]}))
            event.properties = {"by": "python"}
            event.raw_amqp_message.annotations = {"x-opt-origin": "python"}
            batch.add(event)
        client.send_batch(batch)
    say("sent", bytes=batch.max_size_in_bytes)


def read():
    stop = threading.Event()
    left = [options["count"]]
    store = {}
    if options.get("storage"):
        # An API version that Azurite need not know is fine; the helper starts it without that check.
        store["checkpoint_store"] = BlobCheckpointStore.from_connection_string(
            options["storage"], options["container"]
        )
    client = EventHubConsumerClient.from_connection_string(
        options["connectionString"], options["group"], load_balancing_interval=1, **store, **common
    )
    say("hub", partitions=client.get_partition_ids(), properties=plain(client.get_eventhub_properties()))

    def on_event(context, event):
        say(
            "event",
            partition=context.partition_id,
            body=event.body_as_json(),
            properties=plain(event.properties),
            system=plain(event.system_properties),
            offset=event.offset,
            sequenceNumber=event.sequence_number,
        )
        if store:
            context.update_checkpoint(event)
        left[0] -= 1
        if left[0] == 0:
            stop.set()

    def on_error(context, error):
        say("error", error=repr(error))
        if options.get("stopOnError"):
            stop.set()

    receive = lambda: client.receive(on_event=on_event, on_error=on_error, starting_position="-1")
    thread = threading.Thread(target=receive)
    thread.start()
    stop.wait(options.get("seconds", 60))
    client.close()
    thread.join()


write() if options["what"] == "write" else read()
