# PUBLISH from clients, chapters 3.3 and 4.3.

== QoS 0 is accepted and not answered
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x
    accepted from a

== QoS 1 is answered with PUBACK; nobody wants it: 0x10, which 3.1.1 cannot say; the same id again is new [MQTT-3.3.4-1] [MQTT-4.3.2-4] [MQTT-4.3.2-5]
a: CONNECT
    a < CONNACK Success
b: CONNECT v3
    b < CONNACK Success
a: PUBLISH t x qos1 #7
    accepted from a
    a < PUBACK #7 NoMatchingSubscribers
b: PUBLISH t x qos1 #7
    accepted from b
    b < PUBACK #7
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: PUBLISH t x qos1 #7
    accepted from a
    b < PUBLISH t x
    a < PUBACK #7

== QoS 2: PUBREC, PUBREL, PUBCOMP; a repeat before PUBREL is not routed again, after it is new [MQTT-4.3.3-8] [MQTT-4.3.3-10] [MQTT-4.3.3-11] [MQTT-4.3.3-12]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t qos2
    b < SUBACK #1 qos2
a: PUBLISH t x qos2 #5
    accepted from a
    b < PUBLISH t x qos2 #1
    a < PUBREC #5
a: PUBLISH t x qos2 #5 dup
    a < PUBREC #5
a: PUBREL #5
    a < PUBCOMP #5
a: PUBLISH t y qos2 #5
    accepted from a
    b < PUBLISH t y qos2 #2
    a < PUBREC #5
a: PUBREL #5
    a < PUBCOMP #5

== A QoS 2 repeat over the next connection of a kept session is one still [MQTT-4.3.3-10]
a: CONNECT expiry=never
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: PUBLISH t x qos2 #5
    accepted from a
    b < PUBLISH t x
    a < PUBREC #5
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
a: PUBLISH t x qos2 #5 dup
    a < PUBREC #5
a: PUBREL #5
    a < PUBCOMP #5

== A PUBREL whose PUBCOMP was lost comes again over the next connection, and is no mistake; in a new session it is one
a: CONNECT expiry=never
    a < CONNACK Success
a: PUBLISH t x qos2 #5
    accepted from a
    a < PUBREC #5 NoMatchingSubscribers
a: PUBREL #5
    a < PUBCOMP #5
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
a: PUBREL #5
    a < PUBCOMP #5
stats acknowledgements_unknown
    acknowledgements_unknown: 0
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT
    event: session of a ended
    a < CONNACK Success
a: PUBREL #5
    a < PUBCOMP #5 PacketIdentifierNotFound

== QoS of a delivery is the lower of publication and subscription [MQTT-3.8.4-8]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE zero qos0
    b < SUBACK #1 qos0 qos0
b: SUBSCRIBE one qos1
    b < SUBACK #1 qos1
b: SUBSCRIBE two qos2
    b < SUBACK #1 qos2
a: PUBLISH zero x qos2 #1
    accepted from a
    b < PUBLISH zero x
    a < PUBREC #1
a: PUBLISH one x qos2 #2
    accepted from a
    b < PUBLISH one x qos1 #1
    a < PUBREC #2
a: PUBLISH two x qos2 #3
    accepted from a
    b < PUBLISH two x qos2 #2
    a < PUBREC #3
a: PUBLISH two x qos1 #4
    accepted from a
    b < PUBLISH two x qos1 #3
    a < PUBACK #4
a: PUBLISH two x
    accepted from a
    b < PUBLISH two x

== Properties travel unaltered, the expiry as what is left [MQTT-3.3.2-4] [MQTT-3.3.2-6] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18] [MQTT-3.3.2-20]
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
c: CONNECT v3
    c < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
c: SUBSCRIBE t
    c < SUBACK #1 qos0
hold b
a: PUBLISH t x expiry=10s type=text/plain response=answers/a correlation=7 utf8 user=unit:mm user=a:1 user=unit:in
    accepted from a
    b wake
    c < PUBLISH t x
wait 4500ms
read b
    b < PUBLISH t x expiry=6s type=text/plain response=answers/a correlation=7 utf8 unit:mm a:1 unit:in

== What expired while it waited is not delivered [MQTT-3.3.2-5]
a: CONNECT
    a < CONNACK Success
b: CONNECT expiry=never
    b < CONNACK Success
b: SUBSCRIBE t qos1
    b < SUBACK #1 qos1
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
a: PUBLISH t x qos1 expiry=10s
    accepted from a
    a < PUBACK #1
a: PUBLISH t y qos1 #2
    accepted from a
    a < PUBACK #2
wait 10s
b: CONNECT resume expiry=never
    b < CONNACK Success session_present
    b < PUBLISH t y qos1 #1
stats expired
    expired: 1

== Topics that begin with $ are the server's: 0x87, or dropped and counted; told once
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE $SYS/x $share/g/t
    b < SUBACK #1 qos0 qos0
a: PUBLISH $SYS/x x qos1 #1
    event: publication of a to $SYS/x refused, NotAuthorized
    a < PUBACK #1 NotAuthorized
a: PUBLISH $share/g/t x qos2 #2
    a < PUBREC #2 NotAuthorized
a: PUBLISH $foo x
stats refused
    refused_topic: 3, refused_retained: 0, refused_elsewhere: 0, refused_storage: 0, refused_access: 0, refused_subscription: 0, refused_delivery: 0
a: PUBREL #2
    a < PUBCOMP #2 PacketIdentifierNotFound

== 3.1.1 has no reason code; the publication is acknowledged and dropped (3.1.1: [MQTT-3.3.5-2])
a: CONNECT v3
    a < CONNACK Success
a: PUBLISH $SYS/x x qos1 #1
    event: publication of a to $SYS/x refused, NotAuthorized
    a < PUBACK #1
a: PUBLISH $SYS/x x qos2 #2
    a < PUBREC #2
a: PUBREL #2
    a < PUBCOMP #2

== The local session may publish anywhere, through the same door
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE $sparkplug/certificates/# qos1
    b < SUBACK #1 qos1
b: SUBSCRIBE spBv1.0/STATE/#
    b < SUBACK #1 qos0
local: PUBLISH $sparkplug/certificates/x birth retain qos1
    accepted
    b < PUBLISH $sparkplug/certificates/x birth qos1 #1
local: PUBLISH spBv1.0/STATE/factree online
    accepted
    b < PUBLISH spBv1.0/STATE/factree online

== A client may not send a subscription identifier [MQTT-3.3.4-6]
a: CONNECT
    a < CONNACK Success
a: PUBLISH t x id=1
    a close ProtocolError (PUBLISH with a subscription identifier [MQTT-3.3.4-6])
    a ended, client a
    event: disconnected, Closed(ProtocolError)
    event: session of a ended

== The Payload Format Indicator is not judged and leaves as it came, also where it says no more than none [MQTT-3.3.2-4]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t
    a < SUBACK #1 qos0
a: PUBLISH t x utf8
    accepted from a
    a < PUBLISH t x utf8
a: PUBLISH t x bytes
    accepted from a
    a < PUBLISH t x bytes
a: PUBLISH t x
    accepted from a
    a < PUBLISH t x

== A message that expires after 0 seconds has expired [MQTT-3.3.2-5]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t
    a < SUBACK #1 qos0
a: PUBLISH t x expiry=0s retain
    accepted from a
stats expired
    expired: 1
