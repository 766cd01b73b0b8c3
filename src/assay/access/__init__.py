"""Who may: access tokens and roles, one question: may this actor do that?"""
