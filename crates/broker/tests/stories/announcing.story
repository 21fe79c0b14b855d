# Topics whose current message the driver keeps.

== An announcement goes to whoever is subscribed by name, as its subscription says, and is kept nowhere
a: CONNECT
    a < CONNACK Success
b: CONNECT v3
    b < CONNACK Success
c: CONNECT
    c < CONNACK Success
a: SUBSCRIBE Acme/# qos2 as_published
    a < SUBACK #1 qos2
b: SUBSCRIBE Acme/+/t qos1
    b < SUBACK #1 qos1
c: SUBSCRIBE Acme/Dallas/t
    c < SUBACK #1 qos0
announce Acme/Dallas/t 21
    announced
    a < PUBLISH Acme/Dallas/t 21 qos2 #1 retain
    c < PUBLISH Acme/Dallas/t 21
    b < PUBLISH Acme/Dallas/t 21 qos1 #1
a: PUBREC #1
    a < PUBREL #1
a: PUBCOMP #1
b: PUBACK #1
announce Acme/Dallas/u 1
    announced
    a < PUBLISH Acme/Dallas/u 1 qos2 #2 retain
a: PUBREC #2
    a < PUBREL #2
announce Bolt/t 1
    nobody listens
c: SUBSCRIBE Acme/Dallas/t
    c < SUBACK #1 qos0

== It hides from filters that begin with a wildcard, shared ones too, as topics that begin with $ do [MQTT-4.7.2-1]
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE # +/Dallas/t $share/g/# $share/g/+/Dallas/t
    a < SUBACK #1 qos0 qos0 qos0 qos0
announce Acme/Dallas/t 21
    nobody listens
a: PUBLISH Acme/Dallas/t 22
    accepted from a
    a < PUBLISH Acme/Dallas/t 22
    a < PUBLISH Acme/Dallas/t 22
    a < PUBLISH Acme/Dallas/t 22

== Members of a group take turns
a: CONNECT
    a < CONNACK Success
b: CONNECT
    b < CONNACK Success
a: SUBSCRIBE $share/g/Acme/# qos1
    a < SUBACK #1 qos1
b: SUBSCRIBE $share/g/Acme/# qos1
    b < SUBACK #1 qos1
announce Acme/t 1
    announced
    a < PUBLISH Acme/t 1 qos1 #1
announce Acme/t 2
    announced
    b < PUBLISH Acme/t 2 qos1 #1

== The driver is told who wants what is current: as for retained messages, and only by name
elsewhere
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE Acme/# qos1
    a wants what is current: Acme/#
    a < SUBACK #1 qos1
a: SUBSCRIBE Acme/# qos1
    a wants what is current: Acme/#
    a < SUBACK #1 qos1
a: SUBSCRIBE Acme/# retained=1
    a < SUBACK #1 qos0
a: SUBSCRIBE Acme/t retained=1
    a wants what is current: Acme/t
    a < SUBACK #1 qos0
a: SUBSCRIBE Acme/u retained=2
    a < SUBACK #1 qos0
a: SUBSCRIBE $share/g/Acme/# # +/t $SYS/#
    a < SUBACK #1 qos0 qos0 qos0 qos0

== What is current carries the retain flag, the subscription's QoS and identifier [MQTT-3.3.1-8] [MQTT-3.3.4-3]
elsewhere
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE Acme/# qos1 id=7
    a wants what is current: Acme/#
    a < SUBACK #1 qos1
current a Acme/# Acme/t=1 Acme/u=2
    room
    a < PUBLISH Acme/t 1 qos1 #1 retain id=7
    a < PUBLISH Acme/u 2 qos1 #2 retain id=7
current a Acme/# unretained Acme/t=1
    room
    a < PUBLISH Acme/t 1 qos1 #3 id=7
current a Acme/+ Acme/t=1
    no such subscription
a: UNSUBSCRIBE Acme/#
    a < UNSUBACK #1 Success
current a Acme/# Acme/t=1
    no such subscription
current b Acme/# Acme/t=1
    no such subscription

== It waits behind what was announced before, and before what is announced later
elsewhere
a: CONNECT
    a < CONNACK Success
hold a
a: SUBSCRIBE Acme/#
    a wants what is current: Acme/#
    a < SUBACK #1 qos0
announce Acme/t 1
    announced
    a wake
current a Acme/# Acme/t=1 Acme/u=1
    room
announce Acme/u 2
    announced
read a
    a < PUBLISH Acme/t 1
    a < PUBLISH Acme/t 1 retain
    a < PUBLISH Acme/u 1 retain
    a < PUBLISH Acme/u 2

== It is handed over as far as there is room: the client is never disconnected for what it asked for
limits queue_len_max=16
elsewhere
a: CONNECT
    a < CONNACK Success
hold a
a: SUBSCRIBE Acme/# qos1
    a wants what is current: Acme/#
    a < SUBACK #1 qos1
announce Acme/t 1
    announced
    a wake
current a Acme/# Acme/a=1
    room
announce Acme/t 2
    announced
current a Acme/# Acme/a=1 Acme/b=1 Acme/c=1 Acme/d=1 Acme/e=1 Acme/f=1 Acme/g=1 Acme/h=1 Acme/i=1 Acme/j=1 Acme/k=1 Acme/l=1 Acme/m=1 Acme/n=1
    no room
    took 13

== An absent client is handed nothing; announcements wait for it like any message
elsewhere
a: CONNECT expiry=never
    a < CONNACK Success
a: SUBSCRIBE Acme/# qos1
    a wants what is current: Acme/#
    a < SUBACK #1 qos1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
current a Acme/# Acme/t=1
    no room
    took 0
announce Acme/t 2
    announced
a: CONNECT resume expiry=never
    a < CONNACK Success session_present
    a < PUBLISH Acme/t 2 qos1 #1
current a Acme/# Acme/t=2
    room
    a < PUBLISH Acme/t 2 qos1 #2 retain

== What the driver forbids is refused with a reason, 0x87; 3.1.1 believes it published (3.3.5.2)
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0
a: CONNECT
    a < CONNACK Success
a: PUBLISH t 1 forbidden
    refused from a
    event: publication of a to t refused, NotAuthorized
a: PUBLISH t 1 qos1 forbidden
    refused from a
    a < PUBACK #1 NotAuthorized (it belongs to somebody else)
a: PUBLISH t 1 qos2 #2 forbidden
    refused from a
    a < PUBREC #2 NotAuthorized (it belongs to somebody else)
a: PUBLISH t 1 qos2 #2
    accepted from a
    b < PUBLISH t 1
    a < PUBREC #2
c: CONNECT v3
    c < CONNACK Success
c: PUBLISH t 1 qos1 forbidden retain
    refused from c
    event: publication of c to t refused, NotAuthorized
    c < PUBACK #1
d: CONNECT no_problems
    d < CONNACK Success
d: PUBLISH t 1 qos1 forbidden
    refused from d
    event: publication of d to t refused, NotAuthorized
    d < PUBACK #1 NotAuthorized
e: CONNECT packet=34
    e < CONNACK Success
e: PUBLISH t 1 qos1 forbidden
    refused from e
    event: publication of e to t refused, NotAuthorized
    e < PUBACK #1 NotAuthorized
